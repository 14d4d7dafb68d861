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
import ssl
import sys
import threading
import time
from typing import Any

from cheroot import wsgi
from cheroot.server import HTTPConnection, HTTPRequest
from flask import Flask

from edge.errors import OutputError, ResourceError
from edge.network import listen
from edge.threads import no_thread, start_thread
from edge.web.tls import TlsAdapter, shake_hands

RESERVED_THREADS = 4  # beside one for each picture and event stream: pages, snapshots, checks
_TIMEOUT_S = 5
_UNHEARD_MS = 10_000
_REQUEST_S = 10  # from a request's first byte to its answer's
_SEND_BUFFER_BYTES = 64 * 1024
_STOP_S = 1
_BACKLOG = 32
_MAX_HEADER_BYTES = 16 * 1024
_MAX_BODY_BYTES = 64 * 1024
_MOST_CONNECTIONS = 256  # one more is hung up on; descriptors are for the camera too

_REFUSALS = {
    errno.EADDRINUSE: "the port is in use; set another [web] port, or run with --port 8090",
    errno.EACCES: "the port is reserved for the system; set [web] port to 1024 or more",
    errno.EADDRNOTAVAIL: "no such address on this machine; set [web] host to 0.0.0.0 or 127.0.0.1",
    errno.EAFNOSUPPORT: "this machine has no IPv6; set [web] host to 0.0.0.0",
    errno.EMFILE: "too many files are open; end other programs, or start the device again",
}

log = logging.getLogger(__name__)


class WebServer:
    """Serves one application on one port, from threads of its own, until `stop`."""

    def __init__(
        self,
        app: Flask,
        host: str,
        port: int,
        *,
        threads: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """With `tls` it speaks https, and http no more."""
        self._app = app
        self._host = host
        self._port = port
        self._threads = threads
        self._tls = tls
        self._server: _Server | None = None

    def start(self) -> None:
        """Bind the port and serve.

        Raises OutputError when the port cannot be had, ResourceError when the threads cannot.
        """
        listening = _bind(self._host, self._port)
        self._port = listening.getsockname()[1]
        self._server = _Server(listening, self._app, self._threads, self._tls)
        try:
            self._server.prepare()
            start_thread("web-hurry", self._server.hurry)
            start_thread("web", self._server.serve)
        except (RuntimeError, MemoryError, ResourceError) as exc:
            # prepare() starts a thread for each request served at once; "can't start new thread".
            listening.close()
            raise no_thread("web") from exc

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
    try:
        return listen(host, port, _BACKLOG)
    except socket.gaierror as exc:
        reason = "the name cannot be resolved; set [web] host to 0.0.0.0 or 127.0.0.1"
        raise OutputError(f"web: cannot listen on {host!r}: {reason}") from exc
    except OSError as exc:
        raise _refusal(host, port, exc) from exc


def _refusal(host: str, port: int, exc: OSError) -> OutputError:
    number = exc.errno or 0
    reason = _REFUSALS.get(number, f"{os.strerror(number)}; change [web] host or port")
    return OutputError(f"web: cannot listen on {host} port {port}: {reason}")


class _Request(HTTPRequest):
    """A request that tells its connection when the answer begins."""

    def send_headers(self) -> None:
        super().send_headers()  # which first reads what is left of the request
        self.conn.asked_since_s = None

    def ensure_headers_sent(self) -> None:
        """Send the head of an answer without a body, if somebody is there to read it.

        Raising would keep cheroot from closing the answer, and with it the file it may hold.
        """
        try:
            super().ensure_headers_sent()
        except OSError:
            self.close_connection = True


class _Connection(HTTPConnection):
    """A connection that its server can hang up on.

    `asked_since_s` is when its thread began to wait for the request that is not yet answered.
    """

    RequestHandlerClass = _Request

    def __init__(self, server: _Server, sock: socket.socket, *args: Any) -> None:
        super().__init__(server, sock, *args)
        self.is_new = True
        self.asked_since_s: float | None = None
        self._is_greeted = not isinstance(sock, ssl.SSLSocket)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A phone out of reach acknowledges nothing; small events alone fill no buffer for minutes.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNHEARD_MS)
        server.connections.add(self)
        if server.stopping:
            self.hang_up()

    def communicate(self) -> bool:
        """Serve one request, after the handshake; whether another may follow."""
        self.asked_since_s = time.monotonic()
        if not self._is_greeted:
            self._is_greeted = shake_hands(self.socket)
        return self._is_greeted and bool(super().communicate())  # type: ignore[no-untyped-call]

    def hang_up(self) -> None:
        """Shut the socket, which also ends a write that waits for a viewer who does not read."""
        try:
            # Not its own method: a TLS socket would forget its encryption under the writer.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            log.debug("web: %s had left already", self.remote_addr)

    def close(self) -> None:
        self.server.connections.discard(self)
        super().close()
        # cheroot leaves its writer to the garbage collector, where a viewer's unsent bytes become
        # a traceback in the log from Python 3.13 on.
        with contextlib.suppress(OSError, ValueError):
            self.wfile.close()


class _Server(wsgi.Server):
    """cheroot on a socket that is bound already, with its errors in our log."""

    ConnectionClass = _Connection
    max_request_header_size = _MAX_HEADER_BYTES
    max_request_body_size = _MAX_BODY_BYTES
    keep_alive_conn_limit = _MOST_CONNECTIONS

    def __init__(
        self, listening: socket.socket, app: Flask, threads: int, tls: ssl.SSLContext | None
    ) -> None:
        self.listening = listening
        self.connections: set[_Connection] = set()
        self.stopping = False
        self._stopped = threading.Event()
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
        self.ssl_adapter = None if tls is None else TlsAdapter(tls)

    def bind(self, *_family_type_proto: int) -> socket.socket:
        """Return the bound socket. cheroot's own way loses the reason when it fails."""
        self.socket = self.listening
        return self.listening

    def process_conn(self, connection: _Connection) -> None:
        """Serve a connection that has something to say; until then it costs no thread."""
        if not connection.is_new:
            super().process_conn(connection)
        elif len(self.connections) > _MOST_CONNECTIONS:
            connection.close()
        else:
            connection.is_new = False
            self.put_conn(connection)

    def hurry(self) -> None:
        """Hang up on clients who dole out their request byte by byte: each holds a thread."""
        while not self._stopped.wait(1.0):
            latest_s = time.monotonic() - _REQUEST_S
            for connection in tuple(self.connections):
                since_s = connection.asked_since_s
                if since_s is not None and since_s < latest_s:
                    connection.hang_up()

    def stop(self) -> None:
        self.stopping = True
        self._stopped.set()
        for connection in tuple(self.connections):
            connection.hang_up()
        super().stop()

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        # A viewer who goes away, or stops reading, in the middle of a picture is everyday life.
        is_fault = traceback and not isinstance(sys.exc_info()[1], OSError)
        log.log(level if is_fault else logging.DEBUG, "web: %s", msg, exc_info=traceback)
