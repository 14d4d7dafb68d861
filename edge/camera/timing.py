"""The times of a video's frames, made to grow: what a container says is not to be trusted."""

from __future__ import annotations

LONGEST_GAP_S = 60.0
"""A longer time without a frame is a jump of the clock, and no face is followed across either."""

_LEAST_GAP_S = 1e-4


class FrameTimes:
    """Turns the positions that a container states into times that grow with each frame.

    Joined recordings start again, a transport stream's clock wraps after 26.5 hours, some
    containers say 0 throughout. A position that is not later than the last one counts as a step.
    """

    def __init__(self, step_s: float) -> None:
        """Take the time from frame to frame by the video's frame rate."""
        self._step_s = step_s
        self._stated_s = 0.0
        self._at_s: float | None = None

    def next_s(self, stated_s: float) -> float:
        """Return the next frame's time in seconds, for the position that the container states."""
        gap_s, self._stated_s = stated_s - self._stated_s, stated_s
        if self._at_s is None:
            self._at_s = stated_s if 0 <= stated_s <= LONGEST_GAP_S else 0.0
        else:  # nothing is later than NaN
            self._at_s += min(gap_s, LONGEST_GAP_S) if gap_s >= _LEAST_GAP_S else self._step_s
        return self._at_s
