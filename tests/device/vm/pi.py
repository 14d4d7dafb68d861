"""The device in a virtual machine, asked by its page's address and by commands."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import tomli_w
from device import Installed
from machine import Machine
from webcam import Webcam

SETTINGS = "/etc/emotion-edge/config.toml"
STATE = "/var/lib/emotion-edge"
# Emulated, a start takes a minute or more, and a frame some seconds: an inference half a second.
_PATIENT = "/etc/systemd/system/emotion-edge.service.d/emulated.conf"
_PATIENCE = "[Service]\nTimeoutStartSec=900\nWatchdogSec=300\n"
_DEFAULTS: dict[str, dict[str, Any]] = {
    "camera": {"source": "demo", "fps": 2, "stall_s": 10.0, "give_up_s": 75.0},
    "detector": {"runs_per_frame": 1, "search_again_s": 5.0},
    "classifier": {"rate_hz": 1.0, "max_per_frame": 1},
    "tracker": {"min_hits": 1, "max_lost_s": 10.0},
    "web": {"host": "0.0.0.0", "port": 8080},  # noqa: S104 (as on a Pi)
    "history": {"keep": "disk"},
}


class Pi(Installed):
    """A machine with the service in it."""

    patience_s, pause_s = 900.0, 3.0

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.machine = machine
        self.kept: dict[str, str] = {}
        self.webcam: Webcam | None = None
        self.promised: Any = None
        self.started_s = 60.0

    def write(self, path: str, text: str) -> None:
        """Write a file in the machine."""
        encoded = base64.b64encode(text.encode()).decode()
        self.shell(f"mkdir -p $(dirname {path}) && echo {encoded} | base64 -d > {path}")

    def read(self, path: str) -> str:
        return self.shell(f"cat {path}")

    def configure(self, **sections: Mapping[str, Any]) -> None:
        """Write the settings: the sections given, over what suits an emulated machine."""
        names = _DEFAULTS.keys() | sections.keys()
        merged = {name: {**_DEFAULTS.get(name, {}), **sections.get(name, {})} for name in names}
        self.write(SETTINGS, tomli_w.dumps(merged))
        if self.system.run("test", "-e", _PATIENT).returncode:
            self.write(_PATIENT, _PATIENCE)
            self.shell("systemctl daemon-reload")

    def restart(self) -> None:
        """Restart the service; what comes of it is for the caller to see."""
        self.system.run("systemctl", "restart", "emotion-edge")

    def start(self) -> None:
        """Switch the machine on and wait until the service runs: `started_s` says how long."""
        began_s = time.monotonic()
        self.machine.start()
        self.wait_until_ready()
        self.started_s = time.monotonic() - began_s

    def wait_until_ready(self) -> None:
        """Wait until the service runs and has its camera."""
        self.wait_for(ActiveState="active", StatusText="watching: demo scene")

    def share(self) -> None:
        """Mount the disk with the clone and the wheels."""
        self.shell("mkdir -p /share && mountpoint -q /share || mount -o ro LABEL=share /share")

    @property
    def release(self) -> str:
        return self.shell("readlink /opt/emotion-edge/current").strip().rpartition("/")[2]

    @property
    def code(self) -> str:
        return self.read(f"{STATE}/access-code").strip()

    def post(self, path: str) -> None:
        """Write, as a program with the code does."""
        status, body = self.ask(path, method="POST")
        assert status == 200, body

    def ask(self, path: str, *, method: str = "GET", timeout_s: float = 30) -> tuple[int, bytes]:
        """Return the status and the body of an answer, 0 without one."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.machine.port}{path}",
            method=method,
            headers={"Authorization": f"Bearer {self.kept.get('code') or self.code}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read()
        except OSError:
            return 0, b""

    def status(self) -> dict[str, Any]:
        """Return what /api/status says, {} without an answer."""
        code, body = self.ask("/api/status")
        return json.loads(body) if code == 200 else {}

    def snapshot(self) -> dict[str, Any]:
        """Return what was seen last, {} without it."""
        return self.status().get("snapshot") or {}

    def camera(self) -> str:
        """Return the camera's state as the page tells it."""
        return str(self.status().get("health", {}).get("camera", "no answer"))

    def wait_until(self, is_so: Callable[[], Any], what: str, patience_s: float = 0) -> float:
        """Wait; return the seconds. Raises AssertionError with what the service's log says."""
        began_s = time.monotonic()
        while not is_so():
            if time.monotonic() > began_s + (patience_s or self.patience_s):
                raise AssertionError(f"{what}: not so; {self.status()}; {self.journal()[-3000:]}")
            time.sleep(self.pause_s)
        return time.monotonic() - began_s

    def has_face(self) -> bool:
        """Whether the page shows a face with an expression."""
        return any(face["label"] for face in self.snapshot().get("faces", []))

    def wait_for_face(self) -> float:
        """Wait for the first labelled face; return the seconds."""
        return self.wait_until(self.has_face, "a labelled face")

    def journal(self, *options: str) -> str:
        """Return what the service has logged since this start of the machine."""
        command = ("journalctl", "-u", "emotion-edge", "-b", "-o", "cat", "--no-pager")
        return self.system.run(*command, *options).stdout
