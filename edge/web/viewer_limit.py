"""The limit on viewers, each of which holds a thread of the server. Clients share the places."""

from __future__ import annotations

import threading
from collections import Counter

_LEAST_DIFFERENCE = 2  # with less the two clients would only change places


class Place:
    """The place of one viewer, which has a name and belongs to a client."""

    def __init__(self, name: str, client: str) -> None:
        self.name = name
        self.client = client
        self.is_lost = False
        """Whether another client's viewer has taken it."""


class ViewerLimit:
    """The present viewers, at most `limit`; a name may be there twice.

    While places are free, a client may have any number of them. When all are taken, a new viewer
    takes one of the client with the most, if that client still has as many as its own afterwards.
    So no client, not even with the access code, keeps the others out.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._places: list[Place] = []

    def has_room_for(self, client: str) -> bool:
        """Whether a viewer of this client would get a place."""
        with self._lock:
            return len(self._places) < self.limit or self._to_lose_for(client) is not None

    def add(self, name: str, client: str = "") -> Place | None:
        """Give a viewer a place; None when there is none for its client."""
        with self._lock:
            if len(self._places) >= self.limit:
                lost = self._to_lose_for(client)
                if lost is None:
                    return None
                lost.is_lost = True
                self._places.remove(lost)
            place = Place(name, client)
            self._places.append(place)
            return place

    def remove(self, place: Place) -> None:
        """Free the place of a viewer that has left; it may have been lost before."""
        with self._lock:
            if not place.is_lost:
                self._places.remove(place)

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return any(place.name == name for place in self._places)

    def __len__(self) -> int:
        with self._lock:
            return len(self._places)

    def _to_lose_for(self, client: str) -> Place | None:
        """Return the newest place of the client with the most, None when that is not many more."""
        numbers = Counter(place.client for place in self._places)
        ((most, number),) = numbers.most_common(1) or [("", 0)]
        if number - numbers[client] < _LEAST_DIFFERENCE:
            return None
        return next(place for place in reversed(self._places) if place.client == most)
