"""A turn for work that only one request may do at a time."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable

_PATIENCE_S = 60.0


class Turn:
    """Lends the turn to one request; it passes on from a client that reads too slowly.

    A client may keep the device waiting for a minute in all; after that another request gets the
    turn. While no other asks, it keeps it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lent: Lent | None = None

    def take(self) -> Lent | None:
        """Return the turn, None while another request has it."""
        with self._lock:
            if self._lent is not None and self._lent.waited_s() < _PATIENCE_S:
                return None
            self._lent = Lent(self, self._clock)
            return self._lent

    def is_lent(self, lent: Lent) -> bool:
        """Whether this request has the turn."""
        return self._lent is lent

    def give_back(self, lent: Lent) -> None:
        """End the turn, unless another request has it by now."""
        with self._lock:
            if self._lent is lent:
                self._lent = None


class Lent:
    """The turn as one request has it; at first it waits for its client."""

    def __init__(self, turn: Turn, clock: Callable[[], float]) -> None:
        self._turn = turn
        self._clock = clock
        self._waited_s = 0.0
        self._waits_since_s: float | None = clock()

    def waited_s(self) -> float:
        """Return for how long the client has kept the device waiting, in all."""
        since_s = self._waits_since_s
        return self._waited_s + (0.0 if since_s is None else self._clock() - since_s)

    def wait(self) -> None:
        """Begin to wait for the client."""
        self._waits_since_s = self._clock()

    def resume(self) -> None:
        """Go on with the work. Raises ConnectionAbortedError when another request has the turn."""
        self._waited_s, self._waits_since_s = self.waited_s(), None
        if not self._turn.is_lent(self):
            raise ConnectionAbortedError(errno.ECONNABORTED, "another request took the turn")

    def close(self) -> None:
        """Give the turn back; may be called twice."""
        self._turn.give_back(self)
