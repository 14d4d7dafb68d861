"""The daily pause of the schedule. No I/O and no clock here: local times are arguments.

A window is compared with the time on the wall, so that a change to or from summer time, or of the
time zone, needs no rule of its own: the camera is closed while the clock on the wall shows a time
in the window. An hour that the clock shows twice is closed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from edge.config import ScheduleConfig


@dataclass(frozen=True, slots=True)
class Window:
    """The minutes of the day from `begin` to before `end`; over midnight when `end` is smaller."""

    begin: int
    end: int

    def contains(self, at: datetime) -> bool:
        """Whether the window is open at this local time."""
        minute = at.hour * 60 + at.minute
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end

    def last_day(self, at: datetime) -> date:
        """Return the day on which the window that contains `at` ends."""
        is_evening = at.hour * 60 + at.minute >= self.begin > self.end
        return at.date() + timedelta(days=1) if is_evening else at.date()

    @property
    def until(self) -> str:
        """The end as HH:MM."""
        return f"{self.end // 60:02}:{self.end % 60:02}"


def window_of(config: ScheduleConfig) -> Window | None:
    """Return the window of the settings, None without a schedule."""
    if "none" in (config.pause_from, config.pause_until):
        return None
    return Window(_minute(config.pause_from), _minute(config.pause_until))


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
