"""The faults of a soak. Each is a context: it begins, lasts a while, and is over."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filming import Camera, Conduct
from mosquitto import Mosquitto, listening
from soaked import Device, answer

_ATTACKER = "127.0.0.9"
_HEAD = b"GET /api/status HTTP/1.1\r\nHost: localhost\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The device and what it is connected to."""

    device: Device
    camera: Camera
    broker: Mosquitto


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`stops_frames`: while it lasts no fresh frames are promised."""

    begin: Callable[[World], AbstractContextManager[None]]
    lasts_s: float = 8.0
    stops_frames: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One fault of a run, in seconds since its start."""

    name: str
    began_s: float
    ended_s: float
    stops_frames: bool


def misbehaving(conduct: Conduct) -> Callable[[World], AbstractContextManager[None]]:
    @contextmanager
    def begin(world: World) -> Iterator[None]:
        world.camera.conduct = conduct
        try:
            yield
        finally:
            world.camera.conduct = Conduct.FILMS

    return begin


@contextmanager
def stalled_viewers(world: World) -> Iterator[None]:
    with ExitStack() as opened:
        for _ in range(3):
            opened.enter_context(world.device.ask("/stream.mjpg", _ATTACKER))
        yield


@contextmanager
def half_requests(world: World) -> Iterator[None]:
    with ExitStack() as opened:
        for _ in range(40):
            client = opened.enter_context(world.device.connect(_ATTACKER))
            client.sendall(_HEAD)
        yield


@contextmanager
def garbage(world: World) -> Iterator[None]:
    rng = random.Random(time.monotonic_ns())  # noqa: S311 (garbage)
    for _ in range(40):
        with suppress(OSError), world.device.connect(_ATTACKER) as client:
            client.settimeout(2)
            client.sendall(_HEAD[: rng.randrange(60)] + rng.randbytes(2000) + b"\r\n\r\n")
            client.recv(1000)
    yield


@contextmanager
def wrong_codes(world: World) -> Iterator[None]:
    for number in range(8):
        with suppress(OSError), world.device.connect(_ATTACKER) as client:
            guess = b"code=guess%d" % number
            head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
            client.sendall(head % len(guess) + guess)
            client.recv(1000)
    yield


@contextmanager
def paused(world: World) -> Iterator[None]:
    for path in ("/api/pause", "/api/resume"):
        answer(world.device.ask(path, "127.0.0.2", "POST"))
        if path == "/api/pause":
            yield


@contextmanager
def broker_away(world: World) -> Iterator[None]:
    world.broker.kill()
    try:
        yield
    finally:
        world.broker.start()


@contextmanager
def wrong_commands(world: World) -> Iterator[None]:
    with listening(world.broker.port, "nothing") as client:
        for name in ("running", "brightness", "privacy", "none"):
            for payload in (b"", b"\xff" * 5000, b"nan", b"1e999", b"[" * 5000):
                client.say(f"emotion-edge/soak/{name}/set", payload)
    yield


@contextmanager
def stopped_process(world: World) -> Iterator[None]:
    os.kill(world.device.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(world.device.process.pid, signal.SIGCONT)


@contextmanager
def garbage_in_state(world: World) -> Iterator[None]:
    """Files of another program in the state folder."""
    path = Path(world.device.state) / "garbage"
    path.write_bytes(os.urandom(100_000))
    try:
        yield
    finally:
        path.unlink()


FAULTS = {
    "camera stalls": Fault(begin=misbehaving(Conduct.STALLS), stops_frames=True),
    "camera is gone": Fault(begin=misbehaving(Conduct.IS_GONE), stops_frames=True),
    "half frames": Fault(begin=misbehaving(Conduct.SENDS_HALF_FRAMES), stops_frames=True),
    "noise for frames": Fault(begin=misbehaving(Conduct.SENDS_NOISE), stops_frames=True),
    "a frame without end": Fault(
        begin=misbehaving(Conduct.SENDS_WITHOUT_END), lasts_s=2, stops_frames=True
    ),
    "frames of another size": Fault(begin=misbehaving(Conduct.SENDS_SMALL_FRAMES)),
    "stalled viewers": Fault(begin=stalled_viewers, lasts_s=12),
    "half requests": Fault(begin=half_requests),
    "garbage": Fault(begin=garbage, lasts_s=1),
    "wrong codes": Fault(begin=wrong_codes, lasts_s=1),
    "paused": Fault(begin=paused, lasts_s=4, stops_frames=True),
    "broker away": Fault(begin=broker_away),
    "wrong commands": Fault(begin=wrong_commands, lasts_s=1),
    "stopped process": Fault(begin=stopped_process, lasts_s=2, stops_frames=True),
    "garbage in the state folder": Fault(begin=garbage_in_state),
}


class Faults(threading.Thread):
    """Injects a fault every `every_s`, in a random order that has each of them equally often."""

    def __init__(self, world: World, *, every_s: float, seed: int, began_s: float) -> None:
        super().__init__(daemon=True)
        self.happened: list[Happened] = []
        self.failures: list[str] = []
        self.every_s = every_s
        """May be changed while it runs; counts from the next fault on."""
        self._world, self._began_s = world, began_s
        self._rng = random.Random(seed)  # noqa: S311 (an order)
        self._over = threading.Event()
        self.start()

    def close(self) -> None:
        """End after the present fault is over."""
        self._over.set()
        self.join()

    def run(self) -> None:
        names: list[str] = []
        due_s = time.monotonic()
        while not self._over.is_set():
            names = names or self._rng.sample(sorted(FAULTS), len(FAULTS))
            self._inject(names.pop())
            due_s = max(due_s + self.every_s, time.monotonic())
            self._over.wait(max(due_s - time.monotonic(), 0))

    def _inject(self, name: str) -> None:
        fault, began_s = FAULTS[name], self._elapsed_s()
        try:
            with fault.begin(self._world):
                self._over.wait(fault.lasts_s)
        except (OSError, AssertionError) as exc:
            self.failures.append(f"{name}: {exc!r}")
        self.happened.append(
            Happened(
                name=name,
                began_s=began_s,
                ended_s=self._elapsed_s(),
                stops_frames=fault.stops_frames,
            )
        )

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_s
