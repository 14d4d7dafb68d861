"""The number of processor cores for one inference."""

from __future__ import annotations

import os

_MOST = 4
"""More threads wait for each other on a network of this size."""


def inference_threads(cores: int | None = None) -> int:
    """Return the number of threads for `cores`, by default those this process may run on.

    With three cores or more, one is left to the camera, the page and the LEDs. This is a choice,
    not a measurement: it was not tried on a Pi.
    """
    cores = cores or len(os.sched_getaffinity(0))
    return cores if cores < 3 else min(cores - 1, _MOST)
