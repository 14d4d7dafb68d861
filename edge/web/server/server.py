"""The web server: one thread receives requests, and a fixed number of threads answers them."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Container

from flask import Flask

from edge.errors import ConfigError, EdgeError, OutputError, ResourceError
from edge.network import listen
from edge.process.threads import start_thread
from edge.web.auth.forwarded import NO_PROXIES, TrustedProxies
from edge.web.server.connection import Connection
from edge.web.server.exchange import Site
from edge.web.server.fair_queue import FairQueue
from edge.web.server.pace import Pace
from edge.web.server.receiver import Receiver

RESERVED_THREADS = 4  # for pages, snapshots and checks; each video and event stream has its own
_THREADS_FOR_OTHERS = 2  # that one client cannot use
_THREADS_FOR_KNOWN = 2  # that clients which are not logged in cannot use
_STOP_S = 1.6  # an event stream writes once a second, and only then notices the end
_BACKLOG = 128

_REFUSALS = {
    errno.EADDRINUSE: "the port is in use; choose another with --port 8090 or [web] port",
    errno.EACCES: "the port is reserved for the system; set [web] port to 1024 or more",
    errno.EADDRNOTAVAIL: "no such address on this machine; set [web] host to 0.0.0.0 or 127.0.0.1",
    errno.EAFNOSUPPORT: "this machine has no IPv6; set [web] host to 0.0.0.0",
    errno.EMFILE: "too many open files; end other programs, or restart the device",
}
# What stays so until a person changes the settings.
_FOR_GOOD = (errno.EACCES, errno.EAFNOSUPPORT)


class WebServer:
    """Serves one application on one port, in its own threads, until `stop`."""

    def __init__(
        self,
        app: Flask,
        host: str,
        port: int,
        *,
        threads: int,
        tls: ssl.SSLContext | None = None,
        proxies: TrustedProxies = NO_PROXIES,
        known: Container[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """With `tls` the server speaks https only; `clock` measures the pace of requests.

        Of a request that comes by way of one of the `proxies`, its client takes a turn. The `known`
        clients, which are logged in, go first and have threads of their own; None without a login.
        """
        self._app = app
        self._host = host
        self._port = port
        self._number = threads
        self._tls = tls
        self._proxies = proxies
        self._clock = clock
        self._threads: list[threading.Thread] = []
        self._known = known
        self._queue: FairQueue[Connection] = FairQueue(
            threads - min(_THREADS_FOR_OTHERS, threads // 4),
            () if known is None else known,
            None if known is None else threads - min(_THREADS_FOR_KNOWN, threads // 4),
        )
        self._receiver: Receiver | None = None

    def start(self) -> None:
        """Bind the port and serve.

        Raises ConfigError for a port that the system never gives, OutputError for one that is not
        available now, ResourceError when no thread is.
        """
        listening = _bind(self._host, self._port)
        host, self._port = listening.getsockname()[:2]
        site = Site(
            self._app,
            (host, self._port),
            secure=self._tls is not None,
            proxies=self._proxies,
        )
        pace: Pace[Connection] = Pace(self._clock, self._known)
        self._receiver = receiver = Receiver(
            listening, site, self._queue, pace, tls=self._tls, known=self._known
        )
        works = [("web", receiver.run)]
        works += [(f"web-{n + 1}", self._answer) for n in range(self._number)]
        try:
            for name, work in works:
                self._threads.append(start_thread(name, work))
        except ResourceError:
            self.stop()
            listening.close()
            raise

    @property
    def port(self) -> int:
        """The port; the one really bound once started with port 0."""
        return self._port

    def stop(self) -> None:
        """Close all connections and release the port, within two seconds; may be called twice."""
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        receiver.stop()
        ends_s = time.monotonic() + _STOP_S
        for receiving in self._threads[:1]:  # empty when no thread could be started
            receiving.join(_STOP_S)
        for connection in self._queue.close():
            connection.close()
        for thread in self._threads:
            thread.join(max(ends_s - time.monotonic(), 0))
        receiver.close()

    def _answer(self) -> None:
        receiver = self._receiver
        while receiver is not None and (next_request := self._queue.take()) is not None:
            client, connection = next_request
            try:
                connection.answer()
            finally:
                self._queue.done(client)
                receiver.take_back(connection)


def _bind(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port, _BACKLOG)
    except socket.gaierror as exc:
        reason = "the name cannot be resolved; set [web] host to 0.0.0.0 or 127.0.0.1"
        raise OutputError(f"web: cannot listen on {host!r}: {reason}") from exc
    except OSError as exc:
        raise _refusal(host, port, exc) from exc


def _refusal(host: str, port: int, exc: OSError) -> EdgeError:
    number = exc.errno or 0
    reason = _REFUSALS.get(number, f"{os.strerror(number)}; change [web] host or port")
    kind = ConfigError if number in _FOR_GOOD else OutputError
    return kind(f"web: cannot listen on {host} port {port}: {reason}")
