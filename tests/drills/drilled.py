"""A device of this machine, `python -m edge run`, that a drill injects faults into."""

from __future__ import annotations

import http.client
import json
import re
import socket
import sqlite3
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from drilled_process import DrilledProcess

from edge.web.page_addresses import running_addresses

# The address of the owner's browser; another one of 127.0.0.0/8 stands for another client.
OWNER = "127.0.0.1"


class Drilled(DrilledProcess):
    """The process, and a viewer's requests to it."""

    _port, _is_https = 0, False

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

    @property
    def is_https(self) -> bool:
        """Whether the page is served over https; waits as `port` does."""
        return self.port > 0 and self._is_https

    def request(
        self,
        path: str,
        method: str = "GET",
        body: str | None = None,
        *,
        source: str = OWNER,
        **headers: str,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Return the answer to these headers alone, and its body."""
        with closing(self._connection(source, 10)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer, answer.read()

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Return the status and the body that an owner gets."""
        own = {"Authorization": f"Bearer {self.code}"} if "Cookie" not in headers else {}
        answer, received = self.request(
            path, method, body, **{**own, "X-Emotion-Edge": "1", **headers}
        )
        return answer.status, received

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

    def log_in(self, source: str = OWNER) -> str:
        """Exchange the code for a session, and return its cookie."""
        form = urllib.parse.urlencode({"code": self.code})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer, _ = self.request("/login", "POST", form, source=source, **kind)
        assert answer.status == 303, answer.status
        return str(answer.getheader("Set-Cookie")).partition(";")[0]

    def knows(self, cookie: str) -> bool:
        """Whether the session is valid: without one the page leads to the login."""
        return self.ask("/", Cookie=cookie)[0] == 200

    def watch(self, source: str = OWNER) -> Viewer:
        """Let a viewer watch the stream."""
        connection = self._connection(source, 20)
        connection.connect()
        assert connection.sock
        return Viewer(connection.sock, self.code)

    @property
    def history(self) -> Path:
        """The file of the history."""
        return self.state / "history.sqlite3"

    def _connection(self, source: str, within_s: float) -> http.client.HTTPConnection:
        given: dict[str, Any] = {"timeout": within_s, "source_address": (source, 0)}
        if self.is_https:
            given["context"] = ssl._create_unverified_context()  # noqa: S323 (its own certificate)
            return http.client.HTTPSConnection("127.0.0.1", self.port, **given)
        return http.client.HTTPConnection("127.0.0.1", self.port, **given)

    def _find_port(self) -> bool:
        urls = "".join([self.told, *running_addresses(self.state)])
        found = re.search(r"(https?)://[^\s/:]+:(\d+)", urls)
        if found:
            self._is_https, self._port = found[1] == "https", int(found[2])
        return bool(found)


class Viewer(threading.Thread):
    """A browser that reads the stream as long as there is one; counts its frames."""

    def __init__(self, sock: socket.socket, code: str) -> None:
        super().__init__(daemon=True)
        self.frames = 0
        self.ended = threading.Event()
        self._socket = sock
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
