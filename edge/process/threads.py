"""Starts daemon threads with a name; one error when no thread can be started."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from edge.errors import ResourceError


def start_thread(name: str, work: Callable[..., None], *args: Any) -> threading.Thread:
    """Run `work(*args)` in a daemon thread, which does not prevent the program from ending.

    Raises ResourceError when the system cannot start a thread.
    """
    thread = threading.Thread(target=work, args=args, name=name, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError) as exc:  # RuntimeError: "can't start new thread"
        raise no_thread(name) from exc
    return thread


def no_thread(name: str) -> ResourceError:
    """Return the error for a thread that cannot be started."""
    return ResourceError(
        f"cannot start the thread {name!r}: no memory, or the process limit is reached; "
        "stop other programs, or raise `ulimit -u` and `ulimit -v`"
    )
