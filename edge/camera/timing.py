"""Makes the times of a video's frames grow: a container may state wrong ones."""

from __future__ import annotations

LONGEST_GAP_S = 60.0
"""A longer gap counts as a jump of the clock. No face is tracked across either."""

_LEAST_GAP_S = 1e-4


class FrameTimes:
    """Turns the positions that a container states into times that grow with each frame.

    Joined recordings restart at 0, a transport stream's clock wraps after 26.5 hours, and some
    containers state 0 throughout. A position that is not later than the last counts as one step.
    """

    def __init__(self, step_s: float) -> None:
        """Set the time between two frames, from the video's frame rate."""
        self._step_s = step_s
        self._stated_s = 0.0
        self._at_s: float | None = None

    def next_s(self, stated_s: float) -> float:
        """Return the next frame's time in seconds, for the position that the container states."""
        gap_s, self._stated_s = stated_s - self._stated_s, stated_s
        if self._at_s is None:
            self._at_s = stated_s if 0 <= stated_s <= LONGEST_GAP_S else 0.0
        else:  # no comparison with NaN is true
            self._at_s += min(gap_s, LONGEST_GAP_S) if gap_s >= _LEAST_GAP_S else self._step_s
        return self._at_s
