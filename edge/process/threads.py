"""Threads of this program: daemons, with a name, and one error when there are no more to be had."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from edge.errors import ResourceError


def start_thread(name: str, work: Callable[..., None], *args: Any) -> threading.Thread:
    """Run `work(*args)` in a thread that does not keep the program from ending.

    Raises ResourceError when the system has no thread to give.
    """
    thread = threading.Thread(target=work, args=args, name=name, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError) as exc:  # RuntimeError: "can't start new thread"
        raise no_thread(name) from exc
    return thread


def no_thread(name: str) -> ResourceError:
    """Return the error for a thread that cannot be had."""
    return ResourceError(
        f"this machine has no memory, or too few processes allowed, for the thread {name!r}; "
        "end other programs, or raise `ulimit -u` and `ulimit -v`"
    )
