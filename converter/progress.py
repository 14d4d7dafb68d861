"""Progress on a terminal, so that no command is silent for long; elsewhere nothing is drawn.

It is drawn on a copy of standard error: `converter.quiet` mutes standard error itself while other
libraries work.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, track

Item = TypeVar("Item")
_title: ContextVar[str] = ContextVar("_title", default="")


def progress(items: Iterable[Item], description: str, *, total: int) -> Iterable[Item]:
    """Yield `items` under a progress bar."""
    title = f"{_title.get()}{description}"
    with _console() as console:
        yield from track(items, title, total, console=console, disable=_is_piped(console))


@contextlib.contextmanager
def stage(description: str) -> Iterator[None]:
    """Show `description` and the seconds that the work inside takes. Not around `progress`."""
    with _console() as console:
        columns = SpinnerColumn(finished_text=" "), TextColumn("{task.description}")
        bar = Progress(*columns, TimeElapsedColumn(), console=console, disable=_is_piped(console))
        with bar:
            task = bar.add_task(description, total=1)
            yield
            bar.update(task, completed=1)


@contextlib.contextmanager
def titled(title: str) -> Iterator[None]:
    """Begin the descriptions of the progress inside with `title`."""
    token = _title.set(f"{title}: ")
    try:
        yield
    finally:
        _title.reset(token)


@contextlib.contextmanager
def _console() -> Iterator[Console]:
    """Return a console on a copy of standard error, or on it where there is no such file."""
    try:
        copy = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="replace")
    except (OSError, ValueError, AttributeError):  # closed, or replaced by something else
        yield Console(file=sys.stderr)
        return
    with copy:
        yield Console(file=copy)


def _is_piped(console: Console) -> bool:
    return not console.is_terminal
