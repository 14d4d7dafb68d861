"""Decides how much work inference does, so that under heat or load it yields before the stream.

At a share below 1 faces are searched for and classified less often. Each frame is still taken,
shown and reported, with the faces at their predicted places. No I/O but the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

SHARES = (1.0, 0.5, 0.25, 0.125)
"""The shares of inference, from full effort to the least."""

# The time over which frames are counted before anything changes.
_WINDOW_S = 2.0
# On a board that stays hot the share is lowered again after this long: metal cools slowly.
_HEAT_STEP_S = 20.0
# So many of the camera's frames may be skipped, and so much may be missing from the rate in demand.
_SKIPPED, _SHORT = 0.1, 0.1
# Twice the share takes twice the time at most. It is raised when that leaves a reserve.
_BUSY_AFTER_RAISE = 0.8
# A share that had to be lowered again is tried again after this long, then after twice as long.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 4.0, 60.0


class InferenceEffort:
    """Lowers the share when the board is hot or frames are skipped, and raises it again.

    Frames count as skipped only while fewer than `enough_fps` are processed: more are not streamed.
    """

    def __init__(self, enough_fps: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._enough_fps = enough_fps
        self._clock = clock
        self._level = 0
        self._is_hot = self._was_raised = False
        self._changed_s = self._window_s = clock()
        self._wait_s = _FIRST_WAIT_S
        self._processed = self._skipped = 0
        self._busy_s = 0.0

    @property
    def share(self) -> float:
        """The share of inference to do now, 0..1."""
        return SHARES[self._level]

    @property
    def rests(self) -> bool:
        """Whether a hot board also needs a pause after each frame, as long as the frame took."""
        return self._is_hot and self._level == len(SHARES) - 1

    def restart(self) -> None:
        """Begin a new count of frames: the camera was closed in between."""
        self._window_s = self._clock()
        self._processed = self._skipped = 0
        self._busy_s = 0.0

    def note(self, *, busy_s: float, skipped: int, hot: bool) -> None:
        """Note a processed frame: the time it took, how many were skipped before it, the heat."""
        was_hot, self._is_hot = self._is_hot, hot
        self._processed += 1
        self._skipped += skipped
        self._busy_s += busy_s
        now_s = self._clock()
        if hot and not was_hot:
            self._change(max(self._level, 1), "the board is hot")
        elif now_s < self._window_s:
            self.restart()
        elif now_s - self._window_s >= _WINDOW_S:
            self._judge(now_s)
            self.restart()

    def _judge(self, now_s: float) -> None:
        elapsed_s = now_s - self._window_s
        unchanged_s = now_s - self._changed_s
        if self._is_hot:
            if unchanged_s >= _HEAT_STEP_S:
                self._change(self._level + 1, "the board is still hot")
        elif self._lags(elapsed_s):
            failed = self._was_raised and unchanged_s < 2 * self._wait_s
            self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S) if failed else _FIRST_WAIT_S
            self._change(self._level + 1, "it does not keep up with the camera")
        elif self._level and unchanged_s >= self._wait_s and self._has_room(elapsed_s):
            self._change(self._level - 1, "there is room again")

    def _lags(self, elapsed_s: float) -> bool:
        rate = self._processed / elapsed_s
        skipped = self._skipped / (self._skipped + self._processed)
        return skipped > _SKIPPED and rate < (1 - _SHORT) * self._enough_fps

    def _has_room(self, elapsed_s: float) -> bool:
        return 2 * self._busy_s / elapsed_s < _BUSY_AFTER_RAISE

    def _change(self, level: int, why: str) -> None:
        level = min(max(level, 0), len(SHARES) - 1)
        if level == self._level:
            return
        self._was_raised = level < self._level
        self._level = level
        self._changed_s = self._clock()
        self.restart()
        log.info("inference: %s of its full rate: %s", f"{self.share:.0%}", why)
