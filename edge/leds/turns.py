"""The LED test of a running device: each LED in turn, then all. No I/O: time is an argument.

wiring_test.py does the same on pins that no running device uses.
"""

from __future__ import annotations

from collections.abc import Sequence

EACH_S = 0.8
TOGETHER_S = 1.6


def levels_at(names: Sequence[str], elapsed_s: float) -> dict[str, float] | None:
    """Return the level of each LED, 0 or 1, that long after the test began.

    None when the test is over, and for a time before it began: the clock was set back.
    """
    if elapsed_s < 0 or elapsed_s >= len(names) * EACH_S + TOGETHER_S:
        return None
    turn = int(elapsed_s / EACH_S)
    return {name: float(index == turn or turn >= len(names)) for index, name in enumerate(names)}
