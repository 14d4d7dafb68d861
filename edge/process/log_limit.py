"""Limits how often each place in the code logs, so that nothing can fill the disk with lines.

Neither a client's flood, nor an output that goes down and comes back every minute for months.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_LIMITS = (10, 60.0), (30, 3600.0)
"""The most records, and the seconds within which no more pass."""

_MOST_REMEMBERED = max(most for most, _ in _LIMITS)


@dataclass(slots=True)
class _Site:
    """One place in the code: when its newest records passed, and how many were dropped since."""

    passed_s: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_REMEMBERED))
    dropped: int = 0

    def is_full(self, now_s: float) -> bool:
        """Return whether a record would be one too many."""
        return any(
            len(self.passed_s) >= most and now_s - self.passed_s[-most] < within_s
            for most, within_s in _LIMITS
        )


class LogLimit(logging.Filter):
    """Lets ten records a minute, and thirty an hour, pass from each place; add it to a handler.

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
            site = self._sites.setdefault(place, _Site())
            if site.is_full(now_s):
                site.dropped += 1
                return False
            site.passed_s.append(now_s)
            dropped, site.dropped = site.dropped, 0
        if dropped:
            record.msg, record.args = f"{record.getMessage()} ({dropped} like it left out)", None
        return True
