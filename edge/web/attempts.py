"""How often the wrong code may be tried. No I/O here."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import deque
from collections.abc import Callable

_WINDOW_S = 60.0
_PER_CLIENT = 10
_IN_ALL = 60
_MOST_REMEMBERED = 1000  # the trusted ones come on top


class Attempts:
    """The wrong tries of the last minute: at most ten of one client and sixty in all.

    A client is an IPv4 address or an IPv6 /64, which is what one household or phone has. What is
    remembered is bounded by the limits themselves: over them nothing is tried, so nothing added.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: deque[tuple[float, str]] = deque(maxlen=_MOST_REMEMBERED)

    def wait_s(self, address: str, *, trusted: bool = False) -> int:
        """Return for how many seconds this client may not try; 0: it may.

        For a `trusted` one only its own wrong tries count.
        """
        now_s, client = self._clock(), client_of(address)
        while self._wrong and now_s - self._wrong[0][0] >= _WINDOW_S:
            self._wrong.popleft()
        own = [at_s for at_s, who in self._wrong if who == client]
        since_s = [own[-_PER_CLIENT]] if len(own) >= _PER_CLIENT else []
        if len(self._wrong) >= _IN_ALL and not trusted:
            since_s.append(self._wrong[-_IN_ALL][0])
        return max((math.ceil(at_s + _WINDOW_S - now_s) for at_s in since_s), default=0)

    def note_wrong(self, address: str) -> None:
        """Count one wrong try of this client."""
        self._wrong.append((self._clock(), client_of(address)))


def client_of(address: str) -> str:
    """Return what all addresses of one client have in common."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((int(ip), 64), strict=False))
