"""How many connections there may be, and which one makes room for another. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Member(Protocol):
    """A connection as it is counted here: of one client, waiting or being answered."""

    @property
    def client(self) -> str:
        """What all addresses of one client have in common."""
        ...


M = TypeVar("M", bound=Member)


class Crowd(Generic[M]):
    """The open connections by client, the oldest first; one client has at most half of them.

    A new connection takes the place of one that waits, and of a client with many rather than of
    one with few. So a flood displaces itself, and a request that arrives whole is answered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._most_of_one = max(most // 2, 1)
        self._of: dict[str, dict[M, None]] = {}
        self._waiting: set[M] = set()

    def add(self, member: M) -> None:
        """Count a new one, which waits."""
        self._of.setdefault(member.client, {})[member] = None
        self._waiting.add(member)

    def remove(self, member: M) -> None:
        """Count it no more."""
        self._waiting.discard(member)
        members = self._of.get(member.client, {})
        members.pop(member, None)
        if not members:
            self._of.pop(member.client, None)

    def set_waiting(self, member: M, waits: bool) -> None:
        """Note whether it waits for its client, and may therefore make room."""
        (self._waiting.add if waits else self._waiting.discard)(member)

    def is_waiting(self, member: M) -> bool:
        """Whether it waits for its client."""
        return member in self._waiting

    @property
    def has_waiting(self) -> bool:
        """Whether any waits for its client."""
        return bool(self._waiting)

    def waiting(self) -> tuple[M, ...]:
        """Return those that wait for their client."""
        return tuple(self._waiting)

    def is_full_for(self, client: str) -> bool:
        """Whether another one of this client has room only in another's place."""
        return len(self) >= self._most or len(self._of.get(client, ())) >= self._most_of_one

    def to_make_room(self, client: str | None = None) -> M | None:
        """Return the one to hang up on for another of `client`; None when none waits.

        Without a client: for a descriptor, whoever needs it.
        """
        own = self._of.get(client, {}) if client is not None else {}
        if len(own) >= self._most_of_one:
            return self._oldest_waiting(own)
        crowded = sorted(self._of.values(), key=len, reverse=True)
        found = (self._oldest_waiting(members) for members in crowded)
        return next((member for member in found if member is not None), None)

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def __iter__(self) -> Iterator[M]:
        for members in self._of.values():
            yield from members

    def _oldest_waiting(self, members: dict[M, None]) -> M | None:
        return next((member for member in members if member in self._waiting), None)
