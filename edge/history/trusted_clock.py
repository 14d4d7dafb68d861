"""Decides whether the wall clock can be trusted to delete old minutes.

A Pi without a battery clock starts with a time that is too old, and a clock can be wrong by years
for a moment. The monotonic clock reveals such steps. A clock is trusted when a time server has set
it and it has not stepped since the program started, or once it has run evenly for an hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.clock_steps import EARLIEST_S, ClockSteps

_SYNCHRONISED_S = 60.0
_EVEN_S = 3600.0


class TrustedClock:
    """The wall clock, compared with the monotonic one at each `observe`."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        synchronised: Callable[[], bool] = lambda: False,
    ) -> None:
        """Call `synchronised` once a minute, until it returns that a time server set the clock."""
        self._wall = wall
        self._monotonic = monotonic
        self._synchronised = synchronised
        self._has_stepped = False
        self._is_synchronised = False
        self._even_since_s = self._asked_s = monotonic()
        self._steps = ClockSteps(wall, monotonic)

    def observe(self) -> float:
        """Return by how many seconds the wall clock has just stepped, 0 when it runs evenly."""
        step_s = self._steps.observe()
        if step_s:
            self._has_stepped = True
            self._even_since_s = self._monotonic()
        return step_s

    def is_trusted(self) -> bool:
        """Whether old minutes may be deleted by this time."""
        if self._wall() < EARLIEST_S:
            return False
        even_s = self._monotonic() - self._even_since_s
        if even_s >= _EVEN_S:
            return True
        return even_s >= _SYNCHRONISED_S and not self._has_stepped and self._was_set()

    def _was_set(self) -> bool:
        now_s = self._monotonic()
        if not self._is_synchronised and now_s - self._asked_s >= _SYNCHRONISED_S:
            self._asked_s = now_s
            self._is_synchronised = self._synchronised()
        return self._is_synchronised
