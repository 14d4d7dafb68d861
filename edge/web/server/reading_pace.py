"""Measures from its receive window whether a client reads what it is sent.

A client's kernel acknowledges data that the program may not have read. A full buffer opens again
only when most of it was read, after 12 s at 10 KB/s. Until then a slow reader looks like a stalled
one. So the buffer is not filled: once a little of the window is used, single small pieces are sent,
and each acknowledgement contains the present window.
"""

from __future__ import annotations

import socket
import struct

# struct tcp_info of linux/tcp.h: tcpi_bytes_acked, and tcpi_snd_wnd since Linux 5.4
_ACKED, _WINDOW = struct.Struct("=120xQ"), struct.Struct("=228xI")
_LEAST_TAKEN_BYTES, _MOST_TAKEN_BYTES = 4 * 1024, 64 * 1024
_LEAST_PROBE_BYTES, _MOST_PROBE_BYTES = 64, 1024  # four a second: less than a slow client reads
_PIECE_BYTES = 8 * 1024
# The edge of the window may move this far although nothing was read: it is sent in steps
# (RFC 7323), and a kernel may have reserved a part of its buffer.
_SLACK_BYTES = 16 * 1024
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.005, 0.25
# Until a client counts as stalled; longer for one that is known to read slowly.
PATIENCE_S, _PATIENCE_WITH_SLOW_S = 5.0, 10.0


class ReadingPace:
    """Watches the receive window of one connection; `look` before each piece."""

    def __init__(self, sock: socket.socket) -> None:
        self.has_room = True
        self.piece_bytes = _PIECE_BYTES
        self.pause_s = _FIRST_PAUSE_S
        self.patience_s = PATIENCE_S
        self._socket = sock
        self._edge = self._window = self._widest = self._probed_from = 0
        self._may_be_taken = _LEAST_TAKEN_BYTES

    def look(self) -> bool:
        """Return whether the client has read something since the last look. Raises OSError.

        Sets `piece_bytes` to send next, and without `has_room` `pause_s` to wait after it.
        """
        told = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _WINDOW.size)
        if len(told) < _WINDOW.size:
            return False
        (acked,), (window,) = _ACKED.unpack_from(told), _WINDOW.unpack(told)
        return self.note(acked, window)

    def note(self, acked: int, window: int) -> bool:
        """Evaluate the acknowledged bytes and the window that came with them; see `look`."""
        edge, change = max(self._edge, acked + window), window - self._window
        has_read = change > 0 or (edge > self._edge and self.has_room)
        if not self.has_room and edge - self._probed_from > _SLACK_BYTES:
            # It reads, and its window may have become smaller.
            has_read, self._widest = True, (self._widest + window) // 2
            self._probed_from = edge
        self._edge, self._window, self._widest = edge, window, max(self._widest, window)
        if self._widest - window <= self._may_be_taken:
            self._send_freely()
        else:
            self._probe(has_read, shrunk=change < 0)
        return has_read

    def _send_freely(self) -> None:
        if not self.has_room:  # it has read everything: send more the next time
            most = min(_MOST_TAKEN_BYTES, self._widest // 2)
            self._may_be_taken = max(min(2 * self._may_be_taken, most), _LEAST_TAKEN_BYTES)
        if self._may_be_taken > _LEAST_TAKEN_BYTES:  # and not slowly
            self.patience_s = PATIENCE_S
        self.has_room, self.piece_bytes, self.pause_s = True, _PIECE_BYTES, _FIRST_PAUSE_S

    def _probe(self, has_read: bool, *, shrunk: bool) -> None:
        if self.has_room:
            self._probed_from, self.piece_bytes = self._edge, _LEAST_PROBE_BYTES
        elif has_read:
            self.patience_s = _PATIENCE_WITH_SLOW_S
        # Larger pieces while the window stays: it shrinks soon if the client reads nothing.
        grown = min(2 * self.piece_bytes, _MOST_PROBE_BYTES)
        self.piece_bytes = _LEAST_PROBE_BYTES if shrunk or has_read else grown
        self.pause_s = min(2 * self.pause_s, _LONGEST_PAUSE_S)
        if self.pause_s == _LONGEST_PAUSE_S:
            self._may_be_taken = _LEAST_TAKEN_BYTES
        self.has_room = False
