"""The local time of day, as far as it is known.

A Pi without a battery clock starts with the time at which it was shut down, or in 1970, and only a
time server corrects it. A schedule that followed such a clock would be hours late.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from edge.clock_steps import EARLIEST_S, ClockSteps

_ASK_AGAIN_S = 10.0


def local_time(wall_s: float) -> datetime:
    """Return the local time without a zone. Raises ValueError, OverflowError or OSError.

    The system's time zone is read again: it may be set while the program runs.
    """
    time.tzset()
    return datetime.fromtimestamp(wall_s)


class LocalClock:
    """The time on the wall, which is not known until `is_set` has confirmed the clock.

    After a step of the clock it must be confirmed again.
    """

    def __init__(
        self,
        is_set: Callable[[float], bool],
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        local: Callable[[float], datetime] = local_time,
    ) -> None:
        """`is_set` gets a wall clock's time and returns whether a reliable source confirms it.

        It is called every ten seconds at most, and no more once it did.
        """
        self._is_set = is_set
        self._wall = wall
        self._monotonic = monotonic
        self._local = local
        self._steps = ClockSteps(wall, monotonic)
        self._is_known = False
        self._asked_s: float | None = None
        self._looking = threading.Lock()

    def now(self) -> datetime | None:
        """Return the local time, None while it is not known; callable from any thread."""
        with self._looking:
            return self._known_time()

    def _known_time(self) -> datetime | None:
        if self._steps.observe():
            self._is_known, self._asked_s = False, None
        wall_s = self._wall()
        if wall_s < EARLIEST_S or not self._confirmed(wall_s):
            return None
        try:
            return self._local(wall_s)
        except (ValueError, OverflowError, OSError):  # a year that no calendar has
            return None

    def _confirmed(self, wall_s: float) -> bool:
        now_s = self._monotonic()
        is_due = self._asked_s is None or now_s - self._asked_s >= _ASK_AGAIN_S
        if not self._is_known and is_due:
            self._asked_s = now_s
            self._is_known = self._is_set(wall_s)
        return self._is_known
