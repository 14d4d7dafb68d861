"""The pace of requests: a client that sends very many is answered with delays. No I/O here."""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from typing import Generic, Protocol, TypeVar

BURST = 100  # requests at once at full speed: a page and its files are about 25
RATE_PER_S = 50.0  # afterwards
BURST_OF_UNKNOWN, RATE_OF_UNKNOWN_PER_S = 2 * BURST, 2 * RATE_PER_S
_MOST_CLIENTS = 512


class Asking(Protocol):
    """A connection whose request is complete."""

    @property
    def requester(self) -> str:
        """The key of the client that sent the request."""
        ...


M = TypeVar("M", bound=Asking)


class Pace(Generic[M]):
    """Complete requests, in a queue for each client, until they may be answered; for one thread.

    Short answers in a tight loop take the interpreter from vision and the encoder, even in a single
    thread. A client has a bucket of `BURST` tokens, which is refilled at `RATE_PER_S`; a request
    without a token waits for the next one. All clients that are not logged in share another bucket
    of twice that, and take turns. No request is refused here.

    The caller limits the number of requests. For a client it is recorded when its bucket will be
    full, only until then, and for at most 512 clients: then the fullest bucket is forgotten.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, known: Container[str] | None = None
    ) -> None:
        """Let all but the `known` clients, which are logged in, share a bucket; None: no login."""
        self._clock = clock
        self._known = known
        self._unknown_full_s = float("-inf")
        self._waiting: dict[str, dict[M, None]] = {}
        self._full_s: dict[str, float] = {}

    def add(self, member: M) -> None:
        """Add a connection whose request is complete."""
        self._waiting.setdefault(member.requester, {})[member] = None

    def remove(self, member: M) -> None:
        """Remove a connection if it waits here."""
        members = self._waiting.get(member.requester, {})
        members.pop(member, None)
        if not members:
            self._waiting.pop(member.requester, None)

    def due(self) -> list[M]:
        """Remove and return the connections whose requests may be answered now."""
        now_s, due = self._clock(), list[M]()
        while found := [m for client in tuple(self._waiting) for m in self._next_of(client, now_s)]:
            due += found
        return due

    def wait_s(self) -> float | None:
        """Return the seconds until the next request may be answered; None when none waits."""
        now_s = self._clock()
        return min((self._wait_s(client, now_s) for client in self._waiting), default=None)

    def _next_of(self, client: str, now_s: float) -> list[M]:
        """Remove and return the client's first request, if it is due; the others are next."""
        if self._wait_s(client, now_s) > 0:
            return []
        self._spend(client, now_s)
        members = self._waiting.pop(client)
        member = next(iter(members))
        del members[member]
        if members:
            self._waiting[client] = members  # behind all the others
        return [member]

    def _wait_s(self, client: str, now_s: float) -> float:
        own_s = self._full_s.get(client, now_s) - now_s - (BURST - 1) / RATE_PER_S
        if not self._is_unknown(client):
            return max(own_s, 0.0)
        spared_s = (BURST_OF_UNKNOWN - 1) / RATE_OF_UNKNOWN_PER_S
        return max(own_s, self._unknown_full_s - now_s - spared_s, 0.0)

    def _is_unknown(self, client: str) -> bool:
        return self._known is not None and client not in self._known

    def _spend(self, client: str, now_s: float) -> None:
        if self._is_unknown(client):
            full_s = max(self._unknown_full_s, now_s)
            self._unknown_full_s = full_s + 1 / RATE_OF_UNKNOWN_PER_S
        if client not in self._full_s and len(self._full_s) >= _MOST_CLIENTS:
            self._forget(now_s)
        self._full_s[client] = max(self._full_s.get(client, now_s), now_s) + 1 / RATE_PER_S

    def _forget(self, now_s: float) -> None:
        self._full_s = {client: at_s for client, at_s in self._full_s.items() if at_s > now_s}
        if len(self._full_s) >= _MOST_CLIENTS:
            del self._full_s[min(self._full_s, key=self._full_s.__getitem__)]
