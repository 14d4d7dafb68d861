"""Waits for what another thread or process brings about."""

import time
from collections.abc import Callable


def eventually(true: Callable[[], object], within_s: float = 10.0) -> float:
    """Return after how many seconds it was true. Raises AssertionError after `within_s`."""
    began_s = time.monotonic()
    while not true():
        assert time.monotonic() - began_s < within_s, f"not within {within_s:g} s"
        time.sleep(0.01)
    return time.monotonic() - began_s
