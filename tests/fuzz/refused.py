"""A refusal on purpose: one line that can be shown."""

from __future__ import annotations

from collections.abc import Callable

from edge.errors import EdgeError, printable

_LONGEST = 1000


def refusal_of(kind: type[EdgeError], act: Callable[[], object]) -> str | None:
    """Return the line with which `act` refuses, None when it does not; another error passes."""
    try:
        act()
    except kind as exc:
        line = str(exc)
    else:
        return None
    assert printable(line) == line
    assert len(line) < _LONGEST
    return line
