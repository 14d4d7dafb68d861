#!/usr/bin/env python3
"""Measures what MQTT costs a device: by hand, on a quiet machine, on loopback.

    .venv/bin/python tests/device/mqtt_cost.py frames [ROUNDS]
    .venv/bin/python tests/device/mqtt_cost.py memory [MINUTES]
    .venv/bin/python tests/device/mqtt_cost.py broker [DEVICES...]

frames: frames per second of the real pipeline on the demo scene without MQTT, and with a broker
that refuses, that cannot be reached, that never answers, that dribbles, and that works. The cases
take turns, so that the load of the machine is the same for all; printed are the medians of the
ratios to the case without MQTT in the same round. On a busy machine the processor time of MQTT's
threads, as a share of the pipeline's, says more.
memory: the resident memory of a whole device whose broker is away.
broker: the processor time and the memory of Mosquitto with a simulated fleet and one listener to
everything, as Home Assistant would be, over a minute after all have connected.
"""

from __future__ import annotations

import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/edge"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mosquitto import Listener, Mosquitto, eventually, free_port, listening
from mqtt_device import plan_of

from edge.camera.demo.scene import DemoScene
from edge.config import load_config
from edge.datatypes import CameraState, Frame, Health, Report
from edge.models import load_vision
from edge.outputs.fanout import FanOut
from edge.outputs.mqtt.broker import Broker
from edge.outputs.mqtt.commands import Controls
from edge.outputs.mqtt.messages import Extras
from edge.outputs.mqtt.output import MqttOutput
from edge.outputs.sink import Sink

ROOT = Path(__file__).resolve().parents[2]
WINDOW_S = 5.0
FRAMES = 300


def output_to(port: int) -> MqttOutput:
    """Return an output that publishes a state each second, more often than a device does."""
    return MqttOutput(
        Broker(host="127.0.0.1", port=port),
        plan_of("cost", interval_s=1.0),
        extras=lambda: Extras(shares={"happy": 1.0}, brightness=1.0, privacy="off"),
        controls=Controls(
            pause=lambda: None,
            resume=lambda: None,
            set_brightness=None,
            set_privacy=lambda _: None,
            privacy_modes=("off",),
        ),
    )


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@contextmanager
def unreachable_port() -> Iterator[int]:
    """A port whose queue is full: the kernel answers no further connection."""
    with ExitStack() as opened:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))
        for _ in range(4):
            client = opened.enter_context(socket.socket())
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.connect(server.getsockname())
        yield server.getsockname()[1]


@contextmanager
def dribbling_port(broker: int) -> Iterator[int]:
    """A proxy to the broker, in a process of its own; see `dribble`."""
    command = [sys.executable, __file__, "dribble", str(broker)]
    proxy = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert proxy.stdout
    try:
        yield int(proxy.stdout.readline())
    finally:
        proxy.terminate()
        proxy.wait()
        proxy.stdout.close()


def dribble(broker: int) -> None:
    """Pass one byte in each direction every 20 ms; print the port of the proxy."""

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while byte := source.recv(1):
                target.sendall(byte)
                time.sleep(0.02)
        for sock in (source, target):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            real = socket.create_connection(("127.0.0.1", broker))
            for pair in ((client, real), (real, client)):
                threading.Thread(target=pass_on, args=pair, daemon=True).start()


class Pipeline:
    """The real pipeline on rendered frames, as fast as it goes."""

    def __init__(self) -> None:
        config = load_config(None, {"camera": {"source": "demo"}, "classifier": {"threads": 1}})
        self._pipeline = load_vision(config).pipeline(config)
        scene = DemoScene()
        self._images = [scene.render(number / 30) for number in range(FRAMES)]
        self._seq = 0

    def cost(self, sinks: list[Sink]) -> tuple[float, float]:
        """Run for a while, and pass each result on as the service does.

        Returns the frames per second, and the processor time of all other threads as a share of
        this one's, which does all of the pipeline's work.
        """
        fan_out = FanOut(sinks)
        try:
            self._run(fan_out, WINDOW_S / 6)  # the first tries to connect are not measured alone
            began_s, all_s, own_s = time.monotonic(), time.process_time(), time.thread_time()
            frames = self._run(fan_out, WINDOW_S)
            own_s = time.thread_time() - own_s
            others_s = time.process_time() - all_s - own_s
            return frames / (time.monotonic() - began_s), others_s / own_s
        finally:
            fan_out.close()

    def _run(self, fan_out: FanOut, seconds: float) -> int:
        ends_s, frames = time.monotonic() + seconds, 0
        while (now_s := time.monotonic()) < ends_s:
            self._seq += 1
            bgr = self._images[self._seq % FRAMES]
            frame = Frame(bgr=bgr, seq=self._seq, captured_at_s=now_s)
            health = Health(
                camera=CameraState.LIVE, detail="", source="", fps=1, age_s=0, uptime_s=now_s
            )
            fan_out.show(Report(snapshot=self._pipeline.step(frame), health=health))
            frames += 1
        return frames


def measure_frames(rounds: int) -> None:
    """Print the ratio of each case."""
    pipeline = Pipeline()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        broker = Mosquitto(Path(folder))
        broker.start()
        opened.callback(broker.kill)
        ports = {
            "refusing": free_port(),
            "unreachable": opened.enter_context(unreachable_port()),
            "silent": opened.enter_context(silent_port()),
            "dribbling": opened.enter_context(dribbling_port(broker.port)),
            "working": broker.port,
        }
        cases: dict[str, Callable[[], list[Sink]]] = {"without": list, "without again": list}
        cases |= {name: lambda port=port: [output_to(port)] for name, port in ports.items()}
        rates: dict[str, list[float]] = {name: [] for name in cases}
        costs: dict[str, list[float]] = {name: [] for name in cases}
        plain_rates = []
        pipeline.cost([])
        for number in range(rounds):
            names = list(cases)
            names = names[number % len(names) :] + names[: number % len(names)]
            seen = {name: pipeline.cost(cases[name]()) for name in names}
            plain_rate, _ = seen["without"]
            plain_rates.append(plain_rate)
            for name, (rate, cost) in seen.items():
                rates[name].append(rate / plain_rate)
                costs[name].append(cost)
    print(f"without MQTT {statistics.median(plain_rates):.1f} frames/s, {rounds} rounds")
    print(f"{'':14} frames/s           processor time of the other threads")
    for name in cases:
        print(f"{name:14} {spread(rates[name])}  {spread(costs[name])}")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def spread(ratios: list[float]) -> str:
    """Return the median, and the standard error of the mean."""
    error = statistics.stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else 0.0
    return f"{statistics.median(ratios):.4f} (+- {error:.4f})"


def measure_memory(minutes: float) -> None:
    """Print the resident memory of a device every half minute."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "config.toml"
        file.write_text(
            f'[web]\nport = {free_port()}\nauth = "none"\n[state]\nfolder = "{name}/state"\n'
            f'[mqtt]\nenabled = true\nhost = "127.0.0.1"\nport = {free_port()}\nimage_s = 1\n'
        )
        command = [sys.executable, "-m", "edge", "run", "--source", "demo", "--config", str(file)]
        with (Path(name) / "log").open("wb") as log:
            device = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            eventually(lambda: b"output mqtt failed" in (Path(name) / "log").read_bytes(), 60)
            for number in range(round(minutes * 2) + 1):
                print(f"{number * 30:4d} s {resident_mb(device.pid):7.2f} MB", flush=True)
                time.sleep(30)
            print((Path(name) / "log").read_text())
        finally:
            device.terminate()
            device.wait()


def measure_broker(devices: int) -> None:
    """Print what Mosquitto needs for this many devices."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as opened:
        broker = Mosquitto(Path(name), ("allow_anonymous true", "log_type none"))
        broker.start()
        opened.callback(broker.kill)
        assert broker.process
        listener = opened.enter_context(listening(broker.port))
        command = [sys.executable, "-m", "edge", "fleet-sim", str(devices)]
        command += ["--broker", f"127.0.0.1:{broker.port}"]
        with (Path(name) / "log").open("wb") as log:
            fleet = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            eventually(lambda: online(listener) == devices, 300)
            time.sleep(35)  # the first states are over: each device keeps its own rhythm
            heard, began_s, used_s = len(listener.heard), time.monotonic(), processor_s(broker)
            time.sleep(60)
            took_s = time.monotonic() - began_s
            rate = (len(listener.heard) - heard) / took_s
            share = (processor_s(broker) - used_s) / took_s
            memory_mb = resident_mb(broker.process.pid)
            print(f"| {devices} | {rate:.1f} | {share:.2%} | {memory_mb:.1f} MB |", flush=True)
        finally:
            fleet.terminate()
            fleet.wait()


def online(listener: Listener) -> int:
    """Return how many devices have said that they are online."""
    return len({t for t, payload, _ in tuple(listener.heard) if payload == b"online"})


def processor_s(broker: Mosquitto) -> float:
    """Return the processor time that the broker has used."""
    assert broker.process
    stat = Path(f"/proc/{broker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    (line,) = [
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    ]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    logging.disable()  # each output tells that its broker is away
    match sys.argv[1:]:
        case ["frames", *rest]:
            measure_frames(int(rest[0]) if rest else 20)
        case ["dribble", port]:
            dribble(int(port))
        case ["memory", *rest]:
            measure_memory(float(rest[0]) if rest else 10)
        case ["broker", *rest]:
            for devices in map(int, rest or ("10", "100", "1000")):
                measure_broker(devices)
        case _:
            sys.exit(__doc__)
