"""Whether a client reads what it is sent, told from its receive window.

What a client's kernel has acknowledged its program need not have read. A buffer that was filled
opens again only when most of it is read, after 12 s at 10 KB/s, and until then a slow reader looks
like one that stalled. So it is not filled: once a tenth of the window is taken, single small pieces
are sent, and each is acknowledged with the window as it is by then.
"""

from __future__ import annotations

import socket
import struct

# struct tcp_info of linux/tcp.h: tcpi_bytes_acked, and tcpi_snd_wnd since Linux 5.4
_ACKED, _WINDOW = struct.Struct("=120xQ"), struct.Struct("=228xI")
_ROOM = 0.9  # of the widest window
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.005, 0.25
# Until a client counts as stalled; longer when it was seen to read, but slowly.
PATIENCE_S, _PATIENCE_WITH_SLOW_S = 5.0, 20.0


class Pace:
    """Watches the receive window of one connection; `look` before each piece."""

    def __init__(self, sock: socket.socket) -> None:
        self.has_room = True
        self.pause_s = _FIRST_PAUSE_S
        self.patience_s = PATIENCE_S
        self._socket = sock
        self._edge = self._window = self._widest = 0

    def look(self) -> bool:
        """Return whether the client has read something since the last look. Raises OSError.

        Sets `has_room`, `pause_s` until it is worth another look, and `patience_s` with a client
        that reads nothing. Without a window to look at there is always room.
        """
        told = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _WINDOW.size)
        if len(told) < _WINDOW.size:
            return False
        acked, window = int(_ACKED.unpack_from(told)[0]), int(_WINDOW.unpack(told)[0])
        # A probe alone moves the edge as well: windows are told in steps of up to 16 KB.
        wider, further = window > self._window, acked + window > self._edge
        has_read = further if self.has_room else wider
        self._edge, self._window = max(self._edge, acked + window), window
        self._widest = max(self._widest, window)
        self._judge(has_read, window >= _ROOM * self._widest)
        return has_read

    def _judge(self, has_read: bool, has_room: bool) -> None:
        if has_room:
            self.pause_s, self.patience_s = _FIRST_PAUSE_S, PATIENCE_S
        else:
            self.pause_s = min(2 * self.pause_s, _LONGEST_PAUSE_S)
            if has_read and not self.has_room:
                self.patience_s = _PATIENCE_WITH_SLOW_S
        self.has_room = has_room
