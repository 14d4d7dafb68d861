"""The limit on wrong access codes. No I/O here."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

_WINDOW_S = 60.0


class _Limit(NamedTuple):
    """Wrong tries a minute before an address must wait: one that made a try itself is `noisy`."""

    noisy: int
    clean: int


_ADDRESS = _Limit(10, 10)
_IN_ALL = _Limit(60, 1000)
_HOUSEHOLD = _Limit(20, 60)  # an IPv6 /64, in which one machine may have any number of addresses
_SITE = _Limit(60, 300)  # an IPv6 /48, the most that one customer of a provider has


class RateLimit:
    """Counts the wrong tries of the last minute by address, by IPv6 network and in all.

    An address that made no wrong try itself may try until far more are made than a few noisy ones
    can make: these are stopped at their own limit. So new logins are locked out only by 1000 wrong
    tries a minute, which take about 950 IPv4 addresses or four IPv6 sites. Trusted addresses may
    try even then.

    At most 1000 codes a minute are tried, from any number of addresses. A code that the device
    made, one of 31^10, is then found after 780,000 years on average. One of eight random letters
    and digits, the shortest that a person may choose, takes 2,700 years. One of eight random digits
    takes 35 days, and 9 years from a single IPv4 address.

    The same limits bound the memory: over them nothing is tried, so nothing is added. Nothing is
    dropped before its minute is over.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: deque[tuple[float, Sequence[str]]] = deque()
        self._times: dict[str, deque[float]] = {}  # the same by network, oldest first

    def wait_s(self, address: str, *, trusted: bool = False) -> int:
        """Return for how many seconds this address must wait, 0 for none.

        For a `trusted` address only its own wrong tries count.
        """
        now_s = self._clock()
        self._forget(now_s - _WINDOW_S)
        own = plain_address(address)
        is_noisy = own in self._times
        limits = {own: _ADDRESS} if trusted else _limits(own)
        until_s = [
            times[-most] + _WINDOW_S
            for network, limit in limits.items()
            for most in (limit.noisy if is_noisy else limit.clean,)
            if len(times := self._times.get(network, ())) >= most
        ]
        return max((math.ceil(at_s - now_s) for at_s in until_s), default=0)

    def note_wrong(self, address: str) -> None:
        """Count one wrong try of an address that does not have to wait."""
        now_s, networks = self._clock(), tuple(_limits(plain_address(address)))
        self._wrong.append((now_s, networks))
        for network in networks:
            self._times.setdefault(network, deque()).append(now_s)

    def _forget(self, until_s: float) -> None:
        while self._wrong and self._wrong[0][0] <= until_s:
            for network in self._wrong.popleft()[1]:
                self._times[network].popleft()
                if not self._times[network]:
                    del self._times[network]


def plain_address(address: str) -> str:
    """Return an address as it is counted: without its zone, and IPv4 as such."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    return str(getattr(ip, "ipv4_mapped", None) or ip)


def client_of(address: str) -> str:
    """Return the key of a client: its IPv4 address, or its IPv6 /64."""
    own = plain_address(address)
    return f"{int(ipaddress.IPv6Address(own)) >> 64:x}/64" if ":" in own else own


def _limits(own: str) -> dict[str, _Limit]:
    """Return the limits that hold for a plain address, by network."""
    limits = {own: _ADDRESS, "all": _IN_ALL}
    if ":" in own:
        limits[client_of(own)] = _HOUSEHOLD
        limits[f"{int(ipaddress.IPv6Address(own)) >> 80:x}/48"] = _SITE
    return limits
