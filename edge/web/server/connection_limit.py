"""The limit on connections, and the choice of the one to close for a new one. No I/O here."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Generic, Protocol, TypeVar


class Member(Protocol):
    """A connection that is counted here."""

    @property
    def client(self) -> str:
        """The key of the client; all its addresses share it."""
        ...


M = TypeVar("M", bound=Member)


class ConnectionLimit(Generic[M]):
    """The open connections by client, the oldest first; one client has at most half of them.

    A new connection replaces a waiting one of the client with the most connections. So a flood
    replaces its own connections, and a request that arrives complete is answered, unless its client
    sends too many. The connections of known clients are replaced last.
    """

    def __init__(self, limit: int, known: Container[str] = ()) -> None:
        self._limit = limit
        self._known = known
        self._limit_per_client = max(limit // 2, 1)
        self._of: dict[str, dict[M, None]] = {}
        self._waiting: set[M] = set()

    def add(self, member: M) -> None:
        """Add a new connection, which waits for its client."""
        self._of.setdefault(member.client, {})[member] = None
        self._waiting.add(member)

    def remove(self, member: M) -> None:
        """Remove a connection."""
        self._waiting.discard(member)
        members = self._of.get(member.client, {})
        members.pop(member, None)
        if not members:
            self._of.pop(member.client, None)

    def set_waiting(self, member: M, waits: bool) -> None:
        """Record whether it waits for its client; only a waiting one can be replaced."""
        (self._waiting.add if waits else self._waiting.discard)(member)

    def is_waiting(self, member: M) -> bool:
        """Whether it waits for its client."""
        return member in self._waiting

    @property
    def has_waiting(self) -> bool:
        """Whether any connection waits for its client."""
        return bool(self._waiting)

    def waiting(self) -> tuple[M, ...]:
        """Return the connections that wait for their client."""
        return tuple(self._waiting)

    def is_full_for(self, client: str) -> bool:
        """Whether a new connection of this client must replace another one."""
        return len(self) >= self._limit or len(self._of.get(client, ())) >= self._limit_per_client

    def next_to_close(self, client: str | None = None) -> M | None:
        """Return the connection to close for a new one of `client`; None when none waits.

        Without a client: the one to close when file descriptors run out.
        """
        own = self._of.get(client, {}) if client is not None else {}
        if len(own) >= self._limit_per_client:
            return self._oldest_waiting(own)
        clients = sorted(self._of, key=lambda c: (c in self._known, -len(self._of[c])))
        found = (self._oldest_waiting(self._of[other]) for other in clients)
        return next((member for member in found if member is not None), None)

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def __iter__(self) -> Iterator[M]:
        for members in self._of.values():
            yield from members

    def _oldest_waiting(self, members: dict[M, None]) -> M | None:
        return next((member for member in members if member in self._waiting), None)
