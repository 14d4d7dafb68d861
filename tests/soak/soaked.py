"""The whole device as a process of its own, started as the service starts it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd/emotion-edge.service"
SETTINGS = """
[camera]
source = "{camera}"
fps = 15
[leds]
mode = "per_emotion"
factory = "mock"
[web]
port = 0
[history]
keep = "disk"
[mqtt]
enabled = true
host = "127.0.0.1"
port = {broker}
device_id = "soak"
interval_s = 1
image_s = 5
[hooks]
command = ["true"]
"""


class Device:
    """`emotion-edge run` with the unit's environment, below `folder`."""

    def __init__(self, folder: Path, camera: str, broker: int) -> None:
        settings = folder / "config.toml"
        settings.write_text(SETTINGS.format(camera=camera, broker=broker))
        self.state = folder / "emotion-edge"
        self.state.mkdir()
        self._log = folder / "log"
        self.watchdog = Watchdog(folder / "notify")
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "--config", settings],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                env={
                    **os.environ,
                    **unit_environment(folder),
                    "STATE_DIRECTORY": str(self.state),
                    "NOTIFY_SOCKET": str(folder / "notify"),
                    "WATCHDOG_USEC": "90000000",
                },
            )
        assert self.process.stdout
        told = self.process.stdout.readline().decode()
        found = re.search(r":(\d+)", told)
        assert found, f"it told {told!r} and {self.log()!r}"
        self.port = int(found[1])
        self.code = (self.state / "access-code").read_text().strip()
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def log(self) -> str:
        """Return all that it has logged."""
        return self._log.read_text(errors="replace")

    def ask(self, path: str, source: str, method: str = "GET") -> socket.socket:
        """Return a connection on which the request was sent."""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        head += f"Authorization: Bearer {self.code}\r\nContent-Length: 0\r\n\r\n"
        client = self.connect(source)
        client.sendall(head.encode())
        return client

    def connect(self, source: str) -> socket.socket:
        """Return a connection from an address of 127.0.0.0/8."""
        return socket.create_connection(("127.0.0.1", self.port), 10, source_address=(source, 0))

    def status(self) -> dict[str, Any]:
        """Return the object of /api/status. Raises OSError and ValueError."""
        return json.loads(answer(self.ask("/api/status", "127.0.0.2")).partition(b"\r\n\r\n")[2])

    def resources(self) -> dict[str, float]:
        """Return its anonymous memory in MB, its threads and its descriptors."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = dict(re.findall(r"(\w+):\s+(\d+)", status))
        return {
            "anonymous_mb": int(found["RssAnon"]) / 1024,
            "threads": int(found["Threads"]),
            "descriptors": len(list(Path(f"/proc/{self.process.pid}/fd").iterdir())),
        }

    def end(self) -> int:
        """End it as systemd does and return its exit code."""
        self.process.terminate()
        return self.process.wait(15)


class Watchdog:
    """systemd's end of NOTIFY_SOCKET; `longest_s` is the longest time without a sign of life."""

    def __init__(self, path: Path) -> None:
        self.longest_s = 0.0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        last_s = None
        while True:
            if b"WATCHDOG=1" in self._socket.recv(4096):
                now_s = time.monotonic()
                self.longest_s = max(self.longest_s, now_s - (last_s or now_s))
                last_s = now_s


def answer(client: socket.socket) -> bytes:
    """Return all that arrives until the connection is closed."""
    with client:
        received = b""
        while data := client.recv(65536):
            received += data
    return received


def unit_environment(folder: Path) -> dict[str, str]:
    """Return what Environment= sets in the unit, with `folder` for the runtime folder."""
    lines = re.findall(r"(?m)^Environment=(.+)$", UNIT.read_text())
    pairs = (pair.split("=", 1) for line in lines for pair in line.split())
    return {name: value.replace("%t/emotion-edge", str(folder)) for name, value in pairs}
