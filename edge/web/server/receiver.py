"""Accepts connections and waits for whole requests, in one thread that waits for no client.

Handshakes, half requests, connections kept open and answers that a client takes its time to read
cost a descriptor here, not a thread; a thread is given to a request that is there.
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
from pathlib import Path

from edge.web.server.connection import Connection
from edge.web.server.connection_limit import Crowd
from edge.web.server.exchange import Site
from edge.web.server.fair_queue import Turns
from edge.web.server.tls import wrap

log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 256
_LEAST_CONNECTIONS = 4
_SPARE_DESCRIPTORS = 32  # for a camera that is opened again, files being served, the history
_LOOK_S = 0.25
_REST_S = 0.5  # without descriptors, until it accepts again
_WARN_AGAIN_S = 60.0
_WITHOUT_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Reception:
    """Gives whole requests to `turns` and takes the connections back when they are answered."""

    def __init__(
        self,
        listening: socket.socket,
        site: Site,
        turns: Turns[Connection],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._listening = listening
        self._site = site
        self._turns = turns
        self._tls = tls
        self._crowd: Crowd[Connection] = Crowd(most_connections())
        self._answered: deque[Connection] = deque()
        self._stopping = False
        self._accepts_again_s: float | None = None
        self._looked_s = self._warned_s = float("-inf")
        self._woken, self._wakes = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for sock in (listening, self._woken, self._wakes):
            sock.setblocking(False)
        self._selector.register(listening, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def run(self) -> None:
        """Receive clients until `stop`, then hang up on all of them and release the port."""
        while not self._stopping:
            try:
                self._step()
            except Exception as exc:  # without this thread nobody is served
                self._site.faults.tell("receiving clients", exc)
                time.sleep(_LOOK_S)
        self._listening.close()
        for connection in tuple(self._crowd):
            connection.hang_up()
            if self._crowd.is_waiting(connection):
                self._drop(connection)

    def give_back(self, connection: Connection) -> None:
        """Take a connection whose request is answered; called by the thread that did."""
        if self._stopping:
            connection.close()
        self._answered.append(connection)
        self._wake()

    def stop(self) -> None:
        """Let `run` return soon; from any thread, twice."""
        self._stopping = True
        self._wake()

    def close(self) -> None:
        """Release what is left once `run` has returned; a thread that still answers may go on."""
        while self._answered:
            self._answered.popleft().close()
        self._selector.close()
        self._woken.close()
        self._wakes.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it will wake up anyway
            self._wakes.send(b"\0")

    def _step(self) -> None:
        needs_look = self._crowd.has_waiting or self._accepts_again_s is not None
        for key, _ in self._selector.select(_LOOK_S if needs_look else None):
            if key.fileobj is self._listening:
                self._accept()
            elif key.fileobj is self._woken:
                self._woken.recv(4096)
            elif self._crowd.is_waiting(key.data):  # not hung up on a moment ago
                self._attend(key.data)
        while self._answered:
            connection = self._answered.popleft()
            self._crowd.set_waiting(connection, True)
            self._attend(connection)
        self._look_around()

    def _accept(self) -> None:
        try:
            sock, address = self._listening.accept()
        except OSError as exc:
            if exc.errno in _WITHOUT_ROOM:
                self._do_without(exc)
            return
        connection = self._welcome(sock, address)
        if connection is not None:
            self._crowd.add(connection)
            self._attend(connection)

    def _welcome(self, sock: socket.socket, address: tuple[str, int]) -> Connection | None:
        try:
            sock.setblocking(False)
            wrapped = sock if self._tls is None else wrap(self._tls, sock)
            connection = Connection(self._site, wrapped, address[:2])
        except (OSError, ValueError):  # it was reset already
            sock.close()
            return None
        if self._crowd.is_full_for(connection.client):
            victim = self._crowd.to_make_room(connection.client)
            if victim is None:
                connection.close()
                return None
            self._drop(victim)
        return connection

    def _attend(self, connection: Connection) -> None:
        """Go on with a connection as far as that is possible without waiting."""
        try:
            has_request = connection.advance()
        except (OSError, ValueError):
            self._drop(connection)
            return
        if has_request:
            self._unwatch(connection)
            self._crowd.set_waiting(connection, False)
            self._turns.put(connection.client, connection)
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
        self._crowd.remove(connection)
        connection.close()

    def _look_around(self) -> None:
        """Hang up on those whose time is over; four times a second at most."""
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_S:
            return
        self._looked_s = now_s
        for connection in self._crowd.waiting():
            if connection.has_unsent:
                self._attend(connection)  # the kernel reports room only when there is much
            if self._crowd.is_waiting(connection) and connection.expires_s < now_s:
                self._drop(connection)
        if self._accepts_again_s is not None and self._accepts_again_s <= now_s:
            self._accepts_again_s = None
            self._selector.register(self._listening, selectors.EVENT_READ)

    def _do_without(self, exc: OSError) -> None:
        """Make room for a descriptor, or rest: the listening socket stays ready all the time."""
        now_s = time.monotonic()
        if now_s - self._warned_s >= _WARN_AGAIN_S:
            self._warned_s = now_s
            reason = os.strerror(exc.errno or 0)
            log.warning("web: refusing connections: %s; raise LimitNOFILE or close pages", reason)
        victim = self._crowd.to_make_room()
        if victim is not None:
            self._drop(victim)
        else:
            self._selector.unregister(self._listening)
            self._accepts_again_s = now_s + _REST_S


def most_connections() -> int:
    """Return how many connections leave descriptors for the rest of the device."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    room = limit - sum(1 for _ in Path("/proc/self/fd").iterdir()) - _SPARE_DESCRIPTORS
    return max(min(room, _MOST_CONNECTIONS), _LEAST_CONNECTIONS)
