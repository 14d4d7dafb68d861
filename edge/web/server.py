"""The web server: cheroot, made to drop a viewer who stops reading and to stop at once.

Measured against three other WSGI servers: only cheroot gives a stalled viewer's thread back, after
the timeout, and with a small send buffer only a handful of stale frames wait for a slow one.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import threading
from typing import Any

from cheroot import wsgi
from cheroot.server import HTTPConnection
from flask import Flask

from edge.errors import OutputError

RESERVED_THREADS = 4  # beside one for each picture and event stream: pages, snapshots, checks
_TIMEOUT_S = 5
_SEND_BUFFER_BYTES = 64 * 1024
_STOP_S = 1
_BACKLOG = 32
_MAX_HEADER_BYTES = 16 * 1024
_MAX_BODY_BYTES = 64 * 1024

_REFUSALS = {
    errno.EADDRINUSE: "the port is in use; set another [web] port",
    errno.EACCES: "the port is reserved for the system; set [web] port to 1024 or more",
    errno.EADDRNOTAVAIL: "no such address on this machine; set [web] host to 0.0.0.0 or 127.0.0.1",
}

log = logging.getLogger(__name__)


class WebServer:
    """Serves one application on one port, from threads of its own, until `stop`."""

    def __init__(self, app: Flask, host: str, port: int, *, threads: int) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._threads = threads
        self._server: _Server | None = None

    def start(self) -> None:
        """Bind the port and serve. Raises OutputError when the port cannot be had."""
        listening = _bind(self._host, self._port)
        self._port = listening.getsockname()[1]
        self._server = _Server(listening, self._app, self._threads)
        self._server.prepare()
        threading.Thread(target=self._server.serve, name="web", daemon=True).start()

    @property
    def port(self) -> int:
        """The port; the one really bound once started with port 0."""
        return self._port

    def stop(self) -> None:
        """Hang up on everyone and release the port, within two seconds; may be called twice."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except socket.gaierror as exc:
        reason = "the name is unknown; set [web] host to 0.0.0.0 or 127.0.0.1"
        raise OutputError(f"web: cannot listen on {host}: {reason}") from exc
    except OSError as exc:
        raise _refusal(host, port, exc) from exc


def _refusal(host: str, port: int, exc: OSError) -> OutputError:
    number = exc.errno or 0
    reason = _REFUSALS.get(number, f"{os.strerror(number)}; change [web] host or port")
    return OutputError(f"web: cannot listen on {host} port {port}: {reason}")


class _Connection(HTTPConnection):
    """A connection that its server can hang up on."""

    def __init__(self, server: _Server, sock: socket.socket, *args: Any) -> None:
        super().__init__(server, sock, *args)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.connections.add(self)
        if server.stopping:
            self.hang_up()

    def hang_up(self) -> None:
        """Shut the socket, which also ends a write that waits for a viewer who does not read."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            log.debug("web: %s had left already", self.remote_addr)

    def close(self) -> None:
        self.server.connections.discard(self)
        super().close()
        # cheroot leaves its writer to the garbage collector, where a viewer's unsent bytes become
        # a traceback in the log from Python 3.13 on.
        with contextlib.suppress(OSError):
            self.wfile.close()


class _Server(wsgi.Server):
    """cheroot on a socket that is bound already, with its errors in our log."""

    ConnectionClass = _Connection
    max_request_header_size = _MAX_HEADER_BYTES
    max_request_body_size = _MAX_BODY_BYTES

    def __init__(self, listening: socket.socket, app: Flask, threads: int) -> None:
        self.listening = listening
        self.connections: set[_Connection] = set()
        self.stopping = False
        super().__init__(
            listening.getsockname()[:2],
            app,
            numthreads=threads,
            max=threads,
            server_name="emotion-edge",
            request_queue_size=_BACKLOG,
            timeout=_TIMEOUT_S,
            shutdown_timeout=_STOP_S,
        )

    def bind(self, *_family_type_proto: int) -> socket.socket:
        """Return the bound socket. cheroot's own way loses the reason when it fails."""
        self.socket = self.listening
        return self.listening

    def stop(self) -> None:
        self.stopping = True
        for connection in tuple(self.connections):
            connection.hang_up()
        super().stop()

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        # A viewer who goes away in the middle of a picture is everyday life.
        log.log(level if traceback else logging.DEBUG, "web: %s", msg, exc_info=traceback)
