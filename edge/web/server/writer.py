"""Writes to a client that may read slowly, or not at all."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time

from edge.web.server.reading_pace import PATIENCE_S, ReadingPace

NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_MOST_HELD_BYTES = 256 * 1024
_MOST_QUEUED_BYTES = 16 * 1024
_PIECE_BYTES = 8 * 1024
_TRY_AGAIN_S = 0.25


class Writer:
    """Writes to a non-blocking socket.

    A response of known length is held here if the client does not read it at once, so that its
    thread is free: `flush` sends the rest. The writes of a stream block until the client has read
    them, as long as it reads something every five seconds.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._unsent = bytearray()
        self._refused_bytes = 0
        self._pace: ReadingPace | None = None
        self._progress_s = time.monotonic()

    @property
    def unsent_bytes(self) -> int:
        """How much is held until the client reads it."""
        return len(self._unsent)

    @property
    def expires_s(self) -> float:
        """When a client that reads nothing until then is disconnected, by the monotonic clock."""
        return self._progress_s + (self._pace.patience_s if self._pace else PATIENCE_S)

    def hold(self) -> None:
        """Hold what the client does not read at once, from the next write on."""
        self._pace = None

    def stream(self) -> None:
        """Block until the client has read what is written, from the next write on.

        The kernel's queue is short, too: data that waits there is old when it arrives.
        """
        self._pace = ReadingPace(self._socket)
        with contextlib.suppress(OSError):
            level, option = socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT
            self._socket.setsockopt(level, option, _MOST_QUEUED_BYTES)

    def write(self, data: bytes) -> int:
        """Send or hold the data. Raises OSError when the client has left or stalled."""
        if not self._unsent:
            self._progress_s = time.monotonic()
        self._unsent += data
        while self.flush() > (0 if self._pace else _MOST_HELD_BYTES):
            self._wait()
        return len(data)

    def flush(self) -> int:
        """Send what the client reads at once; return how many bytes are left. Raises OSError."""
        with contextlib.suppress(*NOT_YET):
            while self._unsent:
                self._look()
                self._send(self._pace.piece_bytes if self._pace else _PIECE_BYTES)
                if self._is_probing():
                    break
        return len(self._unsent)

    def _look(self) -> None:
        if self._pace is not None and self._pace.look():
            self._progress_s = time.monotonic()

    def _is_probing(self) -> bool:
        return self._pace is not None and not self._pace.has_room

    def _send(self, most_bytes: int) -> None:
        # At least as much as was refused before: TLS has encrypted that already.
        piece = bytes(self._unsent[: max(most_bytes, self._refused_bytes)])
        self._refused_bytes = len(piece)
        sent = self._socket.send(piece)
        self._refused_bytes = 0
        del self._unsent[:sent]
        if self._pace is None:
            self._progress_s = time.monotonic()

    def _wait(self) -> None:
        left_s = self.expires_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the client reads nothing")
        probing = self._is_probing()
        # Often: the kernel reports free space only when there is much, but accepts less.
        pause_s = self._pace.pause_s if self._pace and probing else _TRY_AGAIN_S
        poller = select.poll()  # needs no descriptor of its own
        poller.register(self._socket, 0 if probing else select.POLLOUT)  # errors: always
        poller.poll(min(left_s, pause_s) * 1000)
