"""Decides whether the camera is paused: by a person, by the schedule, or for want of a clock.

A person's pause ends when a person resumes. The schedule's pause ends with its window, or when a
person resumes; the next window pauses again. While the time of day is not known a schedule pauses,
too: better closed at the wrong time than open.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import date, datetime
from typing import Protocol

from edge.config import ScheduleConfig
from edge.datatypes import BY_PERSON, Pause
from edge.kept_pause import KeptPause
from edge.schedule import Window, window_of

log = logging.getLogger(__name__)

_LOOK_S = 1.0  # between two looks at the clock

_Closed = tuple[Window, date | None]
"""A window and the day on which it ends, None while the clock is not known."""


class Camera(Protocol):
    """What can be paused; the service."""

    @property
    def reason(self) -> Pause | None:
        """The pause in force, None without one."""
        ...

    def pause(self, reason: Pause) -> None:
        """Close the camera, or change the reason why it is closed."""
        ...

    def resume(self) -> None:
        """Open the camera."""
        ...


class Pausing:
    """Pauses and resumes the camera; the only one to do so. Callable from any thread."""

    def __init__(
        self,
        camera: Camera,
        clock: Callable[[], datetime | None],
        config: ScheduleConfig,
        kept: KeptPause,
    ) -> None:
        """`clock` returns the local time, None while it is not known. Nothing is paused yet."""
        self._camera = camera
        self._clock = clock
        self._kept = kept
        self._keeps = config.keep_pause
        self._window = window_of(config)
        self._by_person = config.keep_pause and kept.is_paused
        self._resumed_in: _Closed | None = None
        self._now: datetime | None = None
        self._deciding = threading.RLock()
        self._wake = threading.Event()
        self._is_closed = False
        self._keep()  # forgets a pause that is not to be kept

    def pause(self) -> None:
        """Pause for a person; returns when the camera is closed, or after some seconds."""
        with self._deciding:
            self._by_person, self._resumed_in = True, None
            self._decide()
            self._keep()

    def resume(self) -> None:
        """Resume for a person, also within the schedule's window: until the next one."""
        with self._deciding:
            self._by_person = False
            self._resumed_in = self._closed()
            self._decide()
            self._keep()

    def toggle(self) -> None:
        """Pause, or resume when paused; what the button does."""
        with self._deciding:
            if self._camera.reason is None:
                self.pause()
            else:
                self.resume()

    def configure(self, config: ScheduleConfig) -> None:
        """Follow another schedule from now on."""
        with self._deciding:
            self._window, self._keeps = window_of(config), config.keep_pause
            self._keep()
        self.look()
        self._wake.set()

    def look(self) -> None:
        """Look at the clock, and pause or resume as it tells."""
        # To confirm the clock may take seconds, for which no person's pause must wait.
        now = self._time()
        with self._deciding:
            self._now = now
            self._decide()

    def run(self) -> None:
        """Look at the clock every second while there is a schedule, until `close`."""
        while not self._is_closed:
            self.look()
            self._wake.wait(None if self._window is None else _LOOK_S)
            self._wake.clear()

    def close(self) -> None:
        """End `run`."""
        self._is_closed = True
        self._wake.set()

    def _decide(self) -> None:
        pause = self._decision()
        if pause == self._camera.reason:
            return
        if pause is None:
            self._camera.resume()
        else:
            _log(pause)
            self._camera.pause(pause)

    def _decision(self) -> Pause | None:
        """Return the pause that should be in force, None for none."""
        closed = self._closed()
        if closed is None:
            self._resumed_in = None
        elif self._resumed_in == (closed[0], None):
            self._resumed_in = closed  # the time became known within the window
        if self._by_person:
            return BY_PERSON
        if closed is None or closed == self._resumed_in:
            return None
        window, day = closed
        return Pause(by="clock") if day is None else Pause(by="schedule", until=window.until)

    def _closed(self) -> _Closed | None:
        """Return the window in which the camera is to be closed now, None outside of one."""
        window = self._window
        if window is None:
            return None
        if self._now is None:
            return window, None
        return (window, window.last_day(self._now)) if window.contains(self._now) else None

    def _time(self) -> datetime | None:
        if self._window is None:
            return None
        try:
            return self._clock()
        except Exception:
            log.exception("schedule: the clock cannot be read")
            return None

    def _keep(self) -> None:
        self._kept.keep(paused=self._keeps and self._by_person)


def _log(pause: Pause) -> None:
    if pause.by == "schedule":
        log.info("schedule: the camera is closed until %s", pause.until)
    elif pause.by == "clock":
        log.warning(
            "schedule: the clock is not set; the camera stays closed until a time server or a "
            "hardware clock sets it, or a person resumes"
        )
