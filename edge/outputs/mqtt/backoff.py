"""The pauses between tries to connect: longer each time, and by chance of different lengths.

Without the chance all devices of a fleet would connect at the same moment after their broker's
restart.
"""

from __future__ import annotations

import random
from collections.abc import Callable

_FIRST_S, _LONGEST_S = 2.0, 30.0
_LEAST_SHARE = 0.25


class Backoff:
    """Pauses from half a second to `longest_s`."""

    def __init__(
        self,
        first_s: float = _FIRST_S,
        longest_s: float = _LONGEST_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance` returns a number from 0 to 1."""
        self._first_s = self._next_s = first_s
        self._longest_s = longest_s
        self._chance = chance

    def pause_s(self) -> float:
        """Return how long to wait now; the next pause is up to twice as long."""
        pause_s = self._next_s * (_LEAST_SHARE + (1 - _LEAST_SHARE) * self._chance())
        self._next_s = min(self._next_s * 2, self._longest_s)
        return pause_s

    def reset(self) -> None:
        """Begin with a short pause again."""
        self._next_s = self._first_s
