"""The pace of requests: a client that sends very many is answered with delays. No I/O here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

BURST = 100  # requests at once at full speed: a page and its files are about 25
RATE_PER_S = 50.0  # afterwards
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
    without a token waits for the next one. No request is refused here.

    The caller limits the number of requests. For a client it is recorded when its bucket will be
    full, only until then, and for at most 512 clients: then the fullest bucket is forgotten.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
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
        now_s = self._clock()
        return [member for client in tuple(self._waiting) for member in self._due_of(client, now_s)]

    def wait_s(self) -> float | None:
        """Return the seconds until the next request may be answered; None when none waits."""
        now_s = self._clock()
        return min((self._wait_s(client, now_s) for client in self._waiting), default=None)

    def _due_of(self, client: str, now_s: float) -> list[M]:
        due: list[M] = []
        for member in tuple(self._waiting[client]):
            if self._wait_s(client, now_s) > 0:
                break
            self._spend(client, now_s)
            self.remove(member)
            due.append(member)
        return due

    def _wait_s(self, client: str, now_s: float) -> float:
        return max(self._full_s.get(client, now_s) - now_s - (BURST - 1) / RATE_PER_S, 0.0)

    def _spend(self, client: str, now_s: float) -> None:
        if client not in self._full_s and len(self._full_s) >= _MOST_CLIENTS:
            self._forget(now_s)
        self._full_s[client] = max(self._full_s.get(client, now_s), now_s) + 1 / RATE_PER_S

    def _forget(self, now_s: float) -> None:
        self._full_s = {client: at_s for client, at_s in self._full_s.items() if at_s > now_s}
        if len(self._full_s) >= _MOST_CLIENTS:
            del self._full_s[min(self._full_s, key=self._full_s.__getitem__)]
