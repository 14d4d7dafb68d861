"""Notices steps of the wall clock, by comparing it with the monotonic clock."""

from __future__ import annotations

from collections.abc import Callable

EARLIEST_S = 1_735_689_600
"""2025-01-01 UTC in Unix seconds; this program did not exist before."""

_STEP_S = 2.0
# A time server may slow a clock down or speed it up by 0.5 ms a second, which is no step.
_COMPARED_WITHIN_S = 60.0


class ClockSteps:
    """The steps of the wall clock between two calls of `observe`."""

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._compare_with_now()

    def observe(self) -> float:
        """Return by how many seconds the wall clock has just stepped, 0 when it runs evenly."""
        step_s = self._wall() - self._monotonic() - self._ahead_s
        if abs(step_s) > _STEP_S:
            self._compare_with_now()
            return step_s
        if self._monotonic() - self._compared_s > _COMPARED_WITHIN_S:
            self._compare_with_now()
        return 0.0

    def _compare_with_now(self) -> None:
        self._compared_s = self._monotonic()
        self._ahead_s = self._wall() - self._compared_s
