"""The protocol that every output implements."""

from __future__ import annotations

from typing import Protocol

from edge.datatypes import Report


class Sink(Protocol):
    """An output that shows reports. Its own thread calls it, see fanout.py."""

    name: str
    """The name in logs and on the status page."""

    def show(self, report: Report) -> None:
        """Show one report; may block.

        Raises OutputError when the output does not respond, OutputRetrying when it tries again by
        itself, OutputGone when it never will.
        """
        ...

    def close(self) -> None:
        """Turn off and release the hardware; may be called twice."""
        ...
