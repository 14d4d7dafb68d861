"""`emotion-edge run` on the demo scene, as a program with a state folder of its own."""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest


def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fixture `state` of a test: a folder of its own, which its commands inherit."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "emotion-edge"


class Device:
    """`emotion-edge run` on the demo scene, in a process of its own."""

    def __init__(self, state: Path, *args: str) -> None:
        self.code_file = state / "access-code"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--source", "demo", "--port", "0", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(output)

    def address(self) -> str:
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            for line in list(self.lines):
                if "http://" in line:
                    return line.partition(" on ")[2].split()[0]
            time.sleep(0.02)
        raise AssertionError(f"no address within a minute: {self.lines}")

    def open(self, path: str, method: str = "GET") -> HTTPResponse:
        """Ask as a machine does, with the access code."""
        url = self.address() + path
        headers = {"Authorization": f"Bearer {self.code_file.read_text().strip()}"}
        request = urllib.request.Request(url, headers=headers, method=method)
        answer: HTTPResponse = urllib.request.urlopen(request, timeout=5)
        return answer

    def get(self, path: str) -> Any:
        with self.open(path) as answer:
            return json.load(answer)

    def post(self, path: str) -> Any:
        with self.open(path, "POST") as answer:
            return json.load(answer)

    def greets(self) -> bool:
        with self.open("/") as page:
            return b'id="first-minute"' in page.read()

    def end(self, number: int) -> float:
        start_s = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        self._reader.join()
        return time.monotonic() - start_s


@contextmanager
def running(state: Path, *args: str) -> Iterator[Device]:
    device = Device(state, *args)
    try:
        yield device
    finally:
        if device.process.poll() is None:
            device.process.kill()
            device.process.wait()
