"""Limits how often each place in the code logs, so that no client can fill the disk with lines."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_WINDOW_S = 60.0
_MOST_IN_WINDOW = 10


@dataclass(slots=True)
class _Site:
    """The records of one place in the code since `began_s`."""

    began_s: float
    passed: int = 0
    dropped: int = 0


class LogLimit(logging.Filter):
    """Lets ten records a minute pass from each place in the code; add it to a handler.

    The next record that passes states how many were dropped. The memory used grows only with the
    number of places.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._sites: dict[tuple[str, int], _Site] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record passes. See logging.Filter."""
        now_s, place = self._clock(), (record.pathname, record.lineno)
        with self._lock:
            site = self._sites.setdefault(place, _Site(now_s))
            if site.passed >= _MOST_IN_WINDOW and now_s - site.began_s < _WINDOW_S:
                site.dropped += 1
                return False
            dropped = site.dropped
            if now_s - site.began_s >= _WINDOW_S:
                self._sites[place] = site = _Site(now_s)
            site.passed += 1
        if dropped:
            record.msg, record.args = f"{record.getMessage()} ({dropped} like it left out)", None
        return True
