"""Takes steps one after the other and prints how each went."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from typing import TypeVar

D = TypeVar("D")


def travelled(device: D, steps: Iterable[Callable[[D], list[str] | None]]) -> bool:
    """Take one step after the other until one fails; return whether none did.

    A step raises AssertionError to fail, and returns lines to print.
    """
    for step in steps:
        name = step.__name__.replace("_", " ")
        start_s = time.monotonic()
        try:
            seen = step(device) or ()
        except AssertionError:
            print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
            return False
        print(f"ok {time.monotonic() - start_s:6.1f} s  {name}", flush=True)
        for line in seen:
            print(f"             {line}", flush=True)
    return True
