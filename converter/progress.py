"""Progress bars on standard error, so that a command's output can be piped."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def progress(items: Iterable[Item], description: str, *, total: int) -> Iterable[Item]:
    """Yield `items` under a progress bar, which is drawn only on a terminal."""
    console = Console(file=sys.stderr)
    return track(items, description, total, console=console, disable=not console.is_terminal)
