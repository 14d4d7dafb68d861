"""The one shape every output has."""

from __future__ import annotations

from typing import Protocol

from edge.datatypes import Report


class Sink(Protocol):
    """An output that shows reports. Called from one thread of its own, see fanout.py."""

    name: str
    """How logs and the status page call it."""

    def show(self, report: Report) -> None:
        """Show one report; may block.

        Raises OutputError when the output does not answer, OutputGone when it never will again.
        """
        ...

    def close(self) -> None:
        """Go dark and release the hardware; may be called twice."""
        ...
