"""Accepts connections and reads requests, in one thread that never blocks on a client.

Handshakes, incomplete requests, idle connections and responses that a client reads slowly need a
descriptor here, but no thread. Only a complete request gets a thread.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Container
from pathlib import Path

from edge.web.server.connection import Connection
from edge.web.server.connection_limit import ConnectionLimit
from edge.web.server.exchange import Site
from edge.web.server.fair_queue import FairQueue
from edge.web.server.pace import Pace
from edge.web.server.tls import wrap

log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 256
_LEAST_CONNECTIONS = 4
_SPARE_DESCRIPTORS = 32  # for reopening the camera, for files that are sent, and for the history
_CHECK_S = 0.25
_REST_S = 0.5  # without descriptors, until it accepts again
_WARN_AGAIN_S = 60.0
_WITHOUT_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Receiver:
    """Puts complete requests into `queue`, and takes the connections back afterwards.

    A request that `pace` delays waits without a thread, and its connection can be replaced.
    """

    def __init__(
        self,
        listening: socket.socket,
        site: Site,
        queue: FairQueue[Connection],
        pace: Pace[Connection],
        *,
        tls: ssl.SSLContext | None,
        known: Container[str] | None,
    ) -> None:
        self._listening = listening
        self._site = site
        self._queue = queue
        self._pace = pace
        self._tls = tls
        self._connections: ConnectionLimit[Connection] = ConnectionLimit(
            most_connections(), () if known is None else known
        )
        self._answered: deque[Connection] = deque()
        self._stopping = False
        self._accepts_again_s: float | None = None
        self._checked_s = self._warned_s = float("-inf")
        self._woken, self._wakes = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for sock in (listening, self._woken, self._wakes):
            sock.setblocking(False)
        self._selector.register(listening, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def run(self) -> None:
        """Receive clients until `stop`, then close all connections and release the port."""
        while not self._stopping:
            try:
                self._step()
            except Exception as exc:  # without this thread no client is served
                self._site.defects.add("receiving clients", exc)
                time.sleep(_CHECK_S)
        self._listening.close()
        for connection in tuple(self._connections):
            connection.shut_down()
            if self._connections.is_waiting(connection):
                self._drop(connection)

    def take_back(self, connection: Connection) -> None:
        """Take back a connection whose request was answered; called by the answering thread."""
        if self._stopping:
            connection.close()
        self._answered.append(connection)
        self._wake()

    def stop(self) -> None:
        """Make `run` return; from any thread, may be called twice."""
        self._stopping = True
        self._wake()

    def close(self) -> None:
        """Release the rest once `run` has returned; a thread that still answers may continue."""
        while self._answered:
            self._answered.popleft().close()
        self._selector.close()
        self._woken.close()
        self._wakes.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # the pipe is full: the thread wakes up anyway
            self._wakes.send(b"\0")

    def _step(self) -> None:
        for key, _ in self._selector.select(self._longest_wait_s()):
            if key.fileobj is self._listening:
                self._accept()
            elif key.fileobj is self._woken:
                self._woken.recv(4096)
            elif self._connections.is_waiting(key.data):  # not closed a moment ago
                self._advance(key.data)
        while self._answered:
            connection = self._answered.popleft()
            self._connections.set_waiting(connection, True)
            self._advance(connection)
        for connection in self._pace.due():
            self._connections.set_waiting(connection, False)
            self._queue.put(connection.requester, connection)
        self._close_expired()

    def _longest_wait_s(self) -> float | None:
        delay_s = self._pace.wait_s()
        if delay_s is not None:
            return min(delay_s, _CHECK_S)
        needs_check = self._connections.has_waiting or self._accepts_again_s is not None
        return _CHECK_S if needs_check else None

    def _accept(self) -> None:
        try:
            sock, address = self._listening.accept()
        except OSError as exc:
            if exc.errno in _WITHOUT_ROOM:
                self._free_descriptor(exc)
            return
        connection = self._open(sock, address)
        if connection is not None:
            self._connections.add(connection)
            self._advance(connection)

    def _open(self, sock: socket.socket, address: tuple[str, int]) -> Connection | None:
        try:
            sock.setblocking(False)
            wrapped = sock if self._tls is None else wrap(self._tls, sock)
            connection = Connection(self._site, wrapped, address[:2])
        except (OSError, ValueError):  # it was reset already
            sock.close()
            return None
        if self._connections.is_full_for(connection.client):
            victim = self._connections.next_to_close(connection.client)
            if victim is None:
                connection.close()
                return None
            self._drop(victim)
        return connection

    def _advance(self, connection: Connection) -> None:
        """Read from and send to a connection as far as possible without blocking."""
        try:
            has_request = connection.advance()
        except (OSError, ValueError):
            self._drop(connection)
            return
        if has_request:
            self._unwatch(connection)
            self._pace.add(connection)
        elif connection.is_dribbling and not connection.has_unsent:
            self._unwatch(connection)  # until the next check: many would keep this thread busy
        else:
            wants = selectors.EVENT_WRITE if connection.has_unsent else selectors.EVENT_READ
            self._watch(connection, wants)

    def _watch(self, connection: Connection, events: int) -> None:
        try:
            if self._selector.get_key(connection.socket).events != events:
                self._selector.modify(connection.socket, events, connection)
        except KeyError:
            self._selector.register(connection.socket, events, connection)

    def _unwatch(self, connection: Connection) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection.socket)

    def _drop(self, connection: Connection) -> None:
        self._unwatch(connection)
        self._pace.remove(connection)
        self._connections.remove(connection)
        connection.close()

    def _close_expired(self) -> None:
        """Close expired connections, and read from those that dribble, four times a second."""
        now_s = time.monotonic()
        if now_s - self._checked_s < _CHECK_S:
            return
        self._checked_s = now_s
        for connection in self._connections.waiting():
            # The kernel reports free space only when there is much.
            if connection.has_unsent or connection.is_dribbling:
                self._advance(connection)
            if self._connections.is_waiting(connection) and connection.expires_s < now_s:
                self._drop(connection)
        if self._accepts_again_s is not None and self._accepts_again_s <= now_s:
            self._accepts_again_s = None
            self._selector.register(self._listening, selectors.EVENT_READ)

    def _free_descriptor(self, exc: OSError) -> None:
        """Close a connection to free a descriptor, or stop accepting for a moment."""
        now_s = time.monotonic()
        if now_s - self._warned_s >= _WARN_AGAIN_S:
            self._warned_s = now_s
            reason = os.strerror(exc.errno or 0)
            log.warning("web: refusing connections: %s; raise LimitNOFILE or close pages", reason)
        victim = self._connections.next_to_close()
        if victim is not None:
            self._drop(victim)
        else:
            self._selector.unregister(self._listening)
            self._accepts_again_s = now_s + _REST_S


def most_connections() -> int:
    """Return the limit of connections that leaves descriptors for the rest of the device."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    room = limit - sum(1 for _ in Path("/proc/self/fd").iterdir()) - _SPARE_DESCRIPTORS
    return max(min(room, _MOST_CONNECTIONS), _LEAST_CONNECTIONS)
