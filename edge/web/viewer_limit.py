"""Who is watching. A fixed number of seats, because each viewer holds a thread of the server."""

from __future__ import annotations

import threading


class Seats:
    """A bounded crowd of viewers, by name; the same name may sit twice."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._names: list[str] = []

    def take(self, name: str) -> bool:
        """Sit down; False when every seat is taken."""
        with self._lock:
            if len(self._names) >= self.limit:
                return False
            self._names.append(name)
            return True

    def leave(self, name: str) -> None:
        """Give a seat back that `take` gave."""
        with self._lock:
            self._names.remove(name)

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._names

    def __len__(self) -> int:
        with self._lock:
            return len(self._names)
