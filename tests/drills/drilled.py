"""A device of this machine, `python -m edge run`, that a drill injects faults into."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any

import tomli_w

from edge.web.page_addresses import running_addresses

ROOT = Path(__file__).parents[2]
# What a caller ignores would be ignored here, too.
HEARING = ("env", "--default-signal=INT", "--default-signal=HUP")
DEVICE = ("-m", "edge")
Sections = dict[str, dict[str, Any]]


class Drilled:
    """The process, its settings in `folder`, what it logs, and a viewer's requests to it."""

    def __init__(
        self,
        folder: Path,
        *,
        before: Sequence[str] = HEARING,
        program: Sequence[str] = DEVICE,
        environ: dict[str, str] | None = None,
        stdout: int | None = None,
        **sections: dict[str, Any],
    ) -> None:
        """`sections` are settings that differ from a demo with a code and a history on disk."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.state = Path(sections.get("state", {}).get("folder", folder / "state"))
        self.lines: list[str] = []
        self._told = ""
        self._port = 0
        settings = folder / "my.toml"
        settings.write_text(tomli_w.dumps(merged(defaults(self.state), sections)))
        self.process = subprocess.Popen(
            [*before, sys.executable, *program, "run", "--config", str(settings)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream, note), daemon=True)
            for stream, note in (
                (self.process.stderr, self.lines.append),
                (self.process.stdout, self._note_told),
            )
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    # --- the process -----------------------------------------------------------------------------

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()
        self._finish_reading()

    def end(self, within_s: float = 20.0) -> int:
        """End it in order, and return its exit code."""
        self.process.terminate()
        return self.wait(within_s)

    def wait(self, within_s: float = 60.0) -> int:
        """Wait for its own end, and return its exit code."""
        code = self.process.wait(within_s)
        self._finish_reading()
        return code

    @property
    def log(self) -> str:
        """What it wrote to stderr."""
        return "".join(self.lines)

    def logged(self, pattern: str) -> int:
        """Return how many lines of the log the pattern is found in."""
        return sum(bool(re.search(pattern, line)) for line in tuple(self.lines))

    def fds(self) -> int:
        """Return how many descriptors are open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    # --- what a viewer sees ----------------------------------------------------------------------

    @property
    def code(self) -> str:
        """The access code on its disk."""
        return (self.state / "access-code").read_text().strip()

    @property
    def port(self) -> int:
        """The port of the page; waits until it is announced, on stdout or in the state folder."""
        if not self._port:
            until("the page is announced", self._find_port, 90, self)
        return self._port

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Return the status and the body that an owner gets."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            own = {"Authorization": f"Bearer {self.code}"} if "Cookie" not in headers else {}
            connection.request(method, path, body, {**own, "X-Emotion-Edge": "1", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def status(self) -> dict[str, Any]:
        """Return /api/status."""
        code, body = self.ask("/api/status")
        assert code == 200, (code, body)
        return dict(json.loads(body))

    @property
    def camera(self) -> str:
        """The camera's state as the page shows it."""
        return str(self.status()["health"]["camera"])

    @property
    def healthz(self) -> str:
        """The answer to a health check."""
        return self.ask("/healthz")[1].decode()

    @property
    def failing(self) -> list[str]:
        """The outputs that the page shows as failing."""
        return list(self.status()["health"]["failing_outputs"])

    @property
    def seq(self) -> int:
        """The number of the frame that was inferred last; -1 for none."""
        snapshot = self.status()["snapshot"]
        return -1 if snapshot is None else int(snapshot["seq"])

    def infers(self) -> bool:
        """Whether inference goes on: two frames further within ten seconds."""
        first, deadline_s = self.seq, time.monotonic() + 10
        while time.monotonic() < deadline_s:
            if self.seq >= first + 2:
                return True
            time.sleep(0.1)
        return False

    def is_well(self) -> bool:
        """Whether it is healthy and infers; a busy machine gets ten seconds."""
        until("it is healthy", lambda: self.healthz == "ok\n", 10, self)
        return self.infers()

    def complaints(self) -> list[str]:
        """Return the lines of the log that are no mere news."""
        return [line for line in tuple(self.lines) if not line.startswith("INFO")]

    def log_in(self) -> str:
        """Exchange the code for a session, and return its cookie."""
        form = urllib.parse.urlencode({"code": self.code})
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/login", form, kind)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 303, answer.status
            return str(answer.getheader("Set-Cookie")).partition(";")[0]

    def knows(self, cookie: str) -> bool:
        """Whether the session is valid: without one the page leads to the login."""
        return self.ask("/", Cookie=cookie)[0] == 200

    def watch(self) -> Viewer:
        """Let a viewer watch the stream."""
        return Viewer(self.port, self.code)

    # --- what lies on its disk -------------------------------------------------------------------

    @property
    def history(self) -> Path:
        """The file of the history."""
        return self.state / "history.sqlite3"

    # ---------------------------------------------------------------------------------------------

    def _find_port(self) -> bool:
        urls = "".join([self._told, *running_addresses(self.state)])
        found = re.search(r"http://[^\s/:]+:(\d+)", urls)
        self._port = int(found[1]) if found else 0
        return bool(found)

    def _note_told(self, line: str) -> None:
        self._told = (self._told + line)[-20_000:]

    def _read(self, stream: IO[bytes], note: Callable[[str], None]) -> None:
        with stream:
            for line in stream:
                note(line.decode(errors="replace"))

    def _finish_reading(self) -> None:
        for reader in self._readers:
            reader.join(5)


class Viewer(threading.Thread):
    """A browser that reads the stream as long as there is one; counts its frames."""

    def __init__(self, port: int, code: str) -> None:
        super().__init__(daemon=True)
        self.frames = 0
        self.ended = threading.Event()
        self._socket = socket.create_connection(("127.0.0.1", port), 20)
        head = f"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {code}\r\n"
        self._socket.sendall(f"{head}\r\n".encode())
        self.start()

    def run(self) -> None:
        tail = b""
        with closing(self._socket), suppress(OSError):
            while received := self._socket.recv(65536):
                tail += received
                self.frames += tail.count(b"--frame\r\n")
                tail = tail[-8:]
        self.ended.set()

    def leave(self) -> None:
        """Close the page."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


def defaults(state: Path) -> Sections:
    """Return the settings of a drilled device: as a maker has them, with all that can fail."""
    return {
        "camera": {"source": "demo"},
        "web": {"port": 0},
        "history": {"keep": "disk", "days": 1},
        "leds": {"mode": "per_emotion", "factory": "mock"},
        "state": {"folder": str(state)},
    }


def merged(first: Sections, second: Sections) -> Sections:
    """Return the settings of both, the second's where both have one."""
    names = {**first, **second}
    return {name: {**first.get(name, {}), **second.get(name, {})} for name in names}


def until(
    what: str, true: Callable[[], object], within_s: float, device: Drilled | None = None
) -> float:
    """Return after how many seconds it was true. Raises AssertionError after `within_s`.

    An attempt that the device refuses, or that finds none, counts as not true.
    """
    began_s = time.monotonic()
    while True:
        with suppress(OSError, http.client.HTTPException):
            if true():
                return time.monotonic() - began_s
        left = device.process.poll() if device else None
        log = f"\n{device.log}" if device else ""
        assert left is None, f"{what}: it ended with {left}{log}"
        assert time.monotonic() - began_s < within_s, f"{what}: not within {within_s:g} s{log}"
        time.sleep(0.02)


def is_whole(history: Path) -> bool:
    """Whether SQLite finds the file intact, with its log."""
    with closing(sqlite3.connect(history)) as db:
        return list(db.execute("PRAGMA integrity_check")) == [("ok",)]
