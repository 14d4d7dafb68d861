"""Attacks a device of this machine over http and over https, and measures what others notice.

    .venv/bin/python tests/drills/attack.py [--seconds 10] [--scheme http] [--cost] [NAME]...

It starts `emotion-edge run --source demo` twice in temporary folders: one is attacked, the other is
not. For each attack it tells how long another address waits, the slowest of each: for /healthz,
which may take 300 ms, and for a login and the page, which may take a second. It tells the rate of
that address' stream as a share of the one that is not attacked, which may fall by a tenth. Exits
with 1 when one is missed, when the log grows by 10 KB or holds a traceback, when the memory grows
by 32 MB, or when the device dies. NAME picks attacks by a part of their names. Addresses of
127.0.0.0/8 stand for clients.

--cost tells instead how much of a processor core each attack takes from a device whose camera is
paused, so that nothing else takes any. That depends little on what else the machine does.

Both devices run on the same machine, so that what else it does slows both; what is missed is tried
again all the same, three times in all, and /healthz may take as long as without an attack.
"""

import argparse
import multiprocessing
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Self

OTHER = "127.0.0.2"
MOST_S, MOST_PAGE_S = 0.3, 1.0
LEAST_SHARE, MOST_LOG_BYTES, MOST_GROWN_MB = 0.9, 10_000, 32
TRIES = 3
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
CODE = b"Authorization: Bearer %CODE%\r\n"
BODY = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n"
WHOLE = b"GET /static/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHECKS = (HEAD + b"\r\n") * 1000
FORGED = b"GET /x%0aWARNING%1b[2J HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \xff\r\n\r\n"
GUESS = b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\ncode=abc"
DATED = b"GET /static/style.css HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: %b\r\n\r\n" % (
    b"Mon, 01 Jan 1970 00:00:00 +9999999999999"
)
WATCH = b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n" + CODE + b"\r\n"


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What each of so many connections says first, and what it goes on to say."""

    number: int
    said: bytes = b""
    then: bytes = b""
    sources: tuple[str, ...] = ("127.0.0.1",)
    is_encrypted: bool = True  # over https; else these are bytes on the socket itself
    pause_s: float = 0.05
    resets: bool = False  # each time, instead of going on
    reads: int = 65536  # bytes at a time; 0: nothing


ATTACKS = {
    "20 silent": Attack(number=20, is_encrypted=False),
    "20 dribbling": Attack(number=20, said=HEAD + b"X: ", then=b"x"),
    "60 dribbling": Attack(number=60, said=HEAD + b"X: ", then=b"x"),
    "60 with half a body": Attack(number=60, said=BODY + b"\r\n", then=b"x"),
    "60 that wait for 100": Attack(number=60, said=BODY + b"Expect: 100-continue\r\n\r\n"),
    "60 half handshakes": Attack(
        number=60, said=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", is_encrypted=False
    ),
    "whole handshakes": Attack(number=8, resets=True, pause_s=0),
    "60 that read nothing": Attack(number=60, said=WHOLE * 50, reads=0),
    "300 connections": Attack(number=300, said=b"G", is_encrypted=False),
    "250 addresses dribbling": Attack(
        number=250,
        said=HEAD + b"X: ",
        then=b"x",
        sources=tuple(f"127.0.0.{n}" for n in range(3, 253)),
    ),
    "a storm of resets": Attack(number=50, said=HEAD, resets=True, is_encrypted=False),
    "a flood of forged requests": Attack(number=8, said=FORGED, then=FORGED, pause_s=0),
    "a flood of pipelined requests": Attack(number=8, said=WHOLE * 20, then=WHOLE * 5),
    "requests without end": Attack(number=2, said=HEAD + b"\r\n", then=CHECKS, pause_s=0),
    "a head byte by byte": Attack(
        number=8, said=HEAD + b"X: y\r\n" * 2000, then=b"x", pause_s=0.001
    ),
    "a flood of guesses": Attack(number=8, said=GUESS, then=GUESS, pause_s=0),
    "a flood of false dates": Attack(number=8, said=DATED, then=DATED),
    "200 half requests": Attack(number=200, said=HEAD + b"X: ", then=b"x"),
    "200 with whole requests": Attack(number=200, said=WHOLE, then=WHOLE, pause_s=0.02),
    "eight addresses with whole requests": Attack(
        number=200,
        said=WHOLE,
        then=WHOLE,
        pause_s=0.02,
        sources=tuple(f"127.0.0.{n}" for n in range(3, 11)),
    ),
    "200 that want to watch": Attack(number=200, said=WATCH),
    "3 viewers that read 2 KB/s": Attack(number=3, said=WATCH, reads=200, pause_s=0.1),
}


@dataclass
class Client:
    """A connection of the attacker, and what of its words did not go out yet."""

    sock: socket.socket
    unsent: bytes = b""


def connect(port: int, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0))


def encrypted(sock: socket.socket) -> ssl.SSLSocket:
    return ssl._create_unverified_context().wrap_socket(sock)  # noqa: S323 (its own certificate)


def attack(plan: Attack, port: int, is_https: bool, code: bytes) -> None:
    """Go on until the parent ends; connections that are hung up on are opened again."""
    os.nice(10)  # of the device, not of its processor, is the time that is to be taken
    parent = os.getppid()
    sources = cycle(plan.sources)
    clients: list[Client | None] = [None] * plan.number
    while os.getppid() == parent:
        for index, client in enumerate(clients):
            try:
                if client is not None:
                    go_on(plan, client)
                elif sock := begun(plan, port, next(sources), is_https, code):
                    clients[index] = Client(sock)
            except OSError:
                if client is not None:
                    client.sock.close()
                clients[index] = None
        time.sleep(plan.pause_s)


def begun(
    plan: Attack, port: int, source: str, is_https: bool, code: bytes
) -> socket.socket | None:
    client = connect(port, source)
    if plan.resets:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if is_https and plan.is_encrypted:
        client = encrypted(client)
    client.sendall(plan.said.replace(b"%CODE%", code))
    client.setblocking(False)
    if plan.resets:
        client.close()
        return None
    return client


def go_on(plan: Attack, client: Client) -> None:
    with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        client.unsent = client.unsent or plan.then
        if client.unsent:
            client.unsent = client.unsent[client.sock.send(client.unsent) :]
    with suppress(BlockingIOError, ssl.SSLWantReadError):
        if plan.reads and not client.sock.recv(plan.reads):
            raise ConnectionResetError


class Device:
    """`emotion-edge run --source demo`, as anyone starts it."""

    def __init__(self, folder: Path, *, is_https: bool) -> None:
        folder.mkdir()
        settings = folder / "my.toml"
        settings.write_text(f"[web]\nport = 0\ntls = {str(is_https).lower()}\n")
        self.is_https, self._log = is_https, folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "--source", "demo", "--config", settings],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "XDG_STATE_HOME": str(folder)},
            )
        assert self.process.stdout is not None
        told = self.process.stdout.readline().decode()
        found = re.search(r":(\d+)", told)
        assert found, f"it told {told!r} and {self.log()!r}"
        self.port = int(found[1])
        self.code = (folder / "emotion-edge" / "access-code").read_bytes().strip()
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def memory_mb(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found[1]) // 1024 if found else 0

    def processor_s(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def pause(self) -> None:
        """Close the camera."""
        head = b"POST /api/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
        answer = self._answer(head + b"Connection: close\r\n" + CODE + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer

    def ask(self, head: bytes) -> socket.socket:
        """Return the other address' connection, its request sent."""
        client = connect(self.port, OTHER)
        client = encrypted(client) if self.is_https else client
        client.sendall(head.replace(b"%CODE%", self.code))
        return client

    def healthz_s(self) -> float:
        """Return how long the other address waits for an answer."""
        began_s = time.monotonic()
        with closing(self.ask(HEAD + b"Connection: close\r\n\r\n")) as client:
            if not client.recv(1000):  # 503 is an answer too: on a busy machine frames come late
                raise OSError("hung up on")
        return time.monotonic() - began_s

    def page_s(self) -> float:
        """Return how long the other address takes to log in and to load the page."""
        began_s = time.monotonic()
        form = b"code=" + self.code
        head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        kind = b"Content-Type: application/x-www-form-urlencoded\r\n"
        answer = self._answer(head + kind + b"Content-Length: %d\r\n\r\n%b" % (len(form), form))
        cookie = re.search(rb"Set-Cookie: ([^;]+);", answer)
        assert cookie, answer
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        answer = self._answer(head + b"Cookie: %b\r\n\r\n" % cookie[1])
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return time.monotonic() - began_s

    def _answer(self, request: bytes) -> bytes:
        answer = b""
        with closing(self.ask(request)) as client:
            while received := client.recv(65536):
                answer += received
        return answer


class Viewer(threading.Thread):
    """Counts the frames that the other address gets."""

    def __init__(self, device: Device) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self._socket = device.ask(WATCH)
        self.start()

    def run(self) -> None:
        tail = b""
        while received := self._socket.recv(65536):
            tail += received
            self.count += tail.count(b"--frame\r\n")
            tail = tail[-8:]


@dataclass(frozen=True)
class Noticed:
    """What the other address noticed in a while."""

    slowest_s: float
    page_s: float
    pictures: int


class Observer:
    """The other address: it watches a device, and asks for its health."""

    def __init__(self, device: Device) -> None:
        self._device, self._viewer = device, Viewer(device)
        self._slowest_s = self._page_s = 0.0
        self._before = 0

    def begin(self) -> None:
        self._slowest_s = self._page_s = 0.0
        self._before = self._viewer.count

    def look(self) -> None:
        self._slowest_s = max(self._slowest_s, self._device.healthz_s())
        self._page_s = max(self._page_s, self._device.page_s())

    def noticed(self) -> Noticed:
        return Noticed(self._slowest_s, self._page_s, max(self._viewer.count - self._before, 1))


def watch(observers: Sequence[Observer], seconds: float) -> list[Noticed]:
    """Return what each noticed in the same seconds."""
    ends_s = time.monotonic() + seconds
    for observer in observers:
        observer.begin()
    while time.monotonic() < ends_s:
        for observer in observers:
            observer.look()
        time.sleep(0.1)
    return [observer.noticed() for observer in observers]


@contextmanager
def under(plan: Attack, device: Device) -> Iterator[None]:
    """Let another process attack meanwhile."""
    given = (plan, device.port, device.is_https, device.code)
    attacker = multiprocessing.get_context("spawn").Process(target=attack, args=given, daemon=True)
    attacker.start()
    try:
        time.sleep(1)
        yield
    finally:
        attacker.kill()
        attacker.join()


def holds(name: str, device: Device, observers: Sequence[Observer], seconds: float) -> bool:
    """Attack once, tell how it went, and return whether the other address noticed nothing."""
    logged, grown_mb = len(device.log()), -device.memory_mb()
    with under(ATTACKS[name], device):
        attacked, other = watch(observers, seconds)
        grown_mb += device.memory_mb()
    time.sleep(1)
    logged = len(device.log()) - logged
    share = attacked.pictures / other.pictures
    was_held = (
        attacked.slowest_s <= max(MOST_S, other.slowest_s)
        and attacked.page_s <= max(MOST_PAGE_S, other.page_s)
        and share >= LEAST_SHARE
        and logged < MOST_LOG_BYTES
        and grown_mb < MOST_GROWN_MB
    )
    verdict = "held  " if was_held else "MISSED"
    waits = f"{attacked.slowest_s * 1000:4.0f} ms (else {other.slowest_s * 1000:.0f})"
    waits += f", page {attacked.page_s * 1000:4.0f} ms ({other.page_s * 1000:.0f})"
    rate = f"{attacked.pictures / seconds:4.1f}/s ({share:.0%})"
    costs = f"log {logged} bytes, memory {grown_mb:+} MB"
    print(f"  {verdict} {name:35} /healthz {waits}, {rate}, {costs}", flush=True)
    return was_held


def try_all(folder: Path, *, is_https: bool, seconds: float, names: list[str]) -> int:
    """Attack one device in every way; return how many attacks were noticed."""
    missed = 0
    print(f"{'https' if is_https else 'http'}:", flush=True)
    with (
        Device(folder / "attacked", is_https=is_https) as device,
        Device(folder / "other", is_https=is_https) as other,
    ):
        observers = Observer(device), Observer(other)
        attacked, usual = watch(observers, 5)
        print(f"  undisturbed, {attacked.pictures / usual.pictures:.0%} of the other's rate")
        for name in ATTACKS:
            if not names or any(part in name for part in names):
                missed += not any(holds(name, device, observers, seconds) for _ in range(TRIES))
        if device.process.poll() is not None or "Traceback" in device.log():
            missed += 1
            print(f"  MISSED: exit code {device.process.returncode}")
        print(f"  its log:\n{device.log()}", end="")
    return missed


def tell_costs(folder: Path, *, is_https: bool, seconds: float, names: list[str]) -> None:
    """Tell how much of a processor core each attack takes from a paused device."""
    with Device(folder / "paused", is_https=is_https) as device:
        device.pause()
        for name, plan in ATTACKS.items():
            if not names or any(part in name for part in names):
                with under(plan, device):
                    time.sleep(4)  # until the first burst is over
                    began_s, used_s = time.monotonic(), device.processor_s()
                    time.sleep(seconds)
                    used_s = device.processor_s() - used_s
                    share = used_s / (time.monotonic() - began_s)
                print(f"  {name:35} {share:6.1%} of a core", flush=True)


def main(names: list[str], schemes: list[str], seconds: float) -> int:
    """Return the exit code."""
    missed = 0
    for scheme in schemes:
        is_https = scheme == "https"
        with tempfile.TemporaryDirectory() as folder:
            missed += try_all(Path(folder), is_https=is_https, seconds=seconds, names=names)
    print(f"{missed} missed" if missed else "all held")
    return int(missed > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--scheme", dest="schemes", action="append", choices=("http", "https"))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--cost", action="store_true")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not without ending the device
    if given.cost:
        for scheme in given.schemes or ["http", "https"]:
            print(f"{scheme}:", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                how = {"seconds": given.seconds, "names": given.names}
                tell_costs(Path(folder), is_https=scheme == "https", **how)
        sys.exit(0)
    sys.exit(main(given.names, given.schemes or ["http", "https"], given.seconds))
