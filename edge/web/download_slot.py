"""A slot for work that only one request may do at a time."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable

_MAX_WAIT_S = 60.0


class DownloadSlot:
    """Gives the slot to one download; a client that reads too slowly can lose it.

    The device waits for a client for one minute in all. After that another request gets the slot.
    While no other request asks for it, the slow client keeps it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._holder: Download | None = None

    def acquire(self) -> Download | None:
        """Return a download that holds the slot, None while another one holds it."""
        with self._lock:
            if self._holder is not None and self._holder.waited_s() < _MAX_WAIT_S:
                return None
            self._holder = Download(self, self._clock)
            return self._holder

    def is_held_by(self, download: Download) -> bool:
        """Whether this download holds the slot."""
        return self._holder is download

    def release(self, download: Download) -> None:
        """Free the slot, unless another download holds it by now."""
        with self._lock:
            if self._holder is download:
                self._holder = None


class Download:
    """One download in the slot; at first it waits for its client."""

    def __init__(self, slot: DownloadSlot, clock: Callable[[], float]) -> None:
        self._slot = slot
        self._clock = clock
        self._waited_s = 0.0
        self._waits_since_s: float | None = clock()

    def waited_s(self) -> float:
        """Return how long the device has waited for the client, in all."""
        since_s = self._waits_since_s
        return self._waited_s + (0.0 if since_s is None else self._clock() - since_s)

    def wait(self) -> None:
        """Begin to wait for the client."""
        self._waits_since_s = self._clock()

    def resume(self) -> None:
        """Go on with the work. Raises ConnectionAbortedError when another download has the slot."""
        self._waited_s, self._waits_since_s = self.waited_s(), None
        if not self._slot.is_held_by(self):
            raise ConnectionAbortedError(errno.ECONNABORTED, "another download took the slot")

    def close(self) -> None:
        """Free the slot; may be called twice."""
        self._slot.release(self)
