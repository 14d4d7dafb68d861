"""The limit on viewers: each one holds a thread of the server."""

from __future__ import annotations

import threading


class ViewerLimit:
    """The names of the present viewers, at most `limit`; a name may be there twice."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._names: list[str] = []

    def add(self, name: str) -> bool:
        """Add a viewer; False when the limit is reached."""
        with self._lock:
            if len(self._names) >= self.limit:
                return False
            self._names.append(name)
            return True

    def remove(self, name: str) -> None:
        """Remove a viewer that `add` added."""
        with self._lock:
            self._names.remove(name)

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._names

    def __len__(self) -> int:
        with self._lock:
            return len(self._names)
