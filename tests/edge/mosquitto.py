"""The real Mosquitto on loopback, and a listener to it. Tests that need it skip without it."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

PROGRAM = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

needs_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")


class Mosquitto:
    """A broker that can be killed and started again, with files in `folder`."""

    def __init__(
        self, folder: Path, lines: Sequence[str] = ("allow_anonymous true",), port: int = 0
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        user = ["user root"] if os.geteuid() == 0 else []
        self.file = folder / "mosquitto.conf"
        self.file.write_text("\n".join([f"listener {self.port} 127.0.0.1", *user, *lines, ""]))
        self.log = folder / "mosquitto.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *prefix: str) -> None:
        assert PROGRAM
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, PROGRAM, "-v", "-c", str(self.file)], stdout=log, stderr=log
            )
        eventually(self.answers)

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it without a goodbye."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


# The type of the fixture `start`, which starts a broker with these lines of settings.
Start = Callable[..., Mosquitto]


class Listener:
    """A client that remembers every message, and the retained ones of the broker."""

    def __init__(self, port: int, topics: str = "#") -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self._ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.on_message = lambda _c, _d, m: self.heard.append(
            (m.topic, bytes(m.payload), m.retain)
        )
        self.client.on_connect = lambda client, *_: client.subscribe(topics, qos=1)
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._ready.wait(10)

    def payloads(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _ in self.heard if name == topic]

    def last(self, topic: str) -> bytes | None:
        return next(iter(self.payloads(topic)[::-1]), None)

    def say(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def listening(port: int, topics: str = "#") -> Iterator[Listener]:
    listener = Listener(port, topics)
    try:
        yield listener
    finally:
        listener.close()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def eventually(truth: Callable[[], bool], within_s: float = 20.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not truth():
        assert time.monotonic() < deadline_s, "did not come true in time"
        time.sleep(0.02)
