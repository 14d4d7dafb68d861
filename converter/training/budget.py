"""A time to train for, instead of a number of epochs."""

from __future__ import annotations

import time
from collections.abc import Callable


class Budget:
    """Minutes of training, validation included; those of earlier processes count.

    `reserve_s` is kept for the last validation.
    """

    def __init__(
        self, minutes: float, spent_s: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.minutes = minutes
        self.reserve_s = 0.0
        self._clock = clock
        self._began_s = clock() - spent_s

    def finish(self) -> None:
        """Spend the rest, so that a run that has ended is not resumed for what was reserved."""
        self._began_s = min(self._began_s, self._clock() - self.minutes * 60)

    @property
    def spent_s(self) -> float:
        """The seconds that have passed."""
        return max(self._clock() - self._began_s, 0.0)

    @property
    def share(self) -> float:
        """The share of the time that has passed, 0..1."""
        usable_s = self.minutes * 60 - self.reserve_s
        return min(self.spent_s / usable_s, 1.0) if usable_s > 0 else 1.0

    @property
    def is_spent(self) -> bool:
        """Whether the time is over."""
        return self.share >= 1
