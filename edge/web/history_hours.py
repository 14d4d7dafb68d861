"""The last week by the hour, summed at most twice a minute however many viewers ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from edge.datatypes import Period
from edge.history.history import DAY_S, added, period_at

HOUR_S = 3600
WEEK_H = 7 * 24
_KEPT_S = 30.0


class Minutes(Protocol):
    """The recorded minutes."""

    def minutes(self, last_s: float) -> Iterable[Period]:
        """Return those that began in the last `last_s` seconds, oldest first."""
        ...


class HourSums:
    """Sums of the minutes by hours that begin at multiples of 3600 s of the Unix epoch."""

    def __init__(
        self,
        history: Minutes,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._history = history
        self._clock = clock
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._hours: list[Period] = []
        self._summed_at_s: float | None = None

    def last(self, count: int) -> list[Period]:
        """Return the hours with a recorded minute among the last `count`, 1..168, oldest first.

        The last one is the hour that contains the present.
        """
        first_s = (int(self._wall_clock() // HOUR_S) - count + 1) * HOUR_S
        with self._lock:
            now_s = self._clock()
            if self._summed_at_s is None or now_s - self._summed_at_s >= _KEPT_S:
                self._hours = self._summed()
                self._summed_at_s = now_s
            return [hour for hour in self._hours if hour.start_s >= first_s]

    def _summed(self) -> list[Period]:
        hours: dict[int, Period] = {}
        for minute in self._history.minutes(7 * DAY_S):
            hour = period_at(minute.start_s, HOUR_S, minute.watched_s, minute.face_s)
            before = hours.get(hour.start_s)
            hours[hour.start_s] = hour if before is None else added(before, hour)
        return [hours[start_s] for start_s in sorted(hours)]
