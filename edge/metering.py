"""Counts the reports on their way to the outputs. No I/O here."""

from __future__ import annotations

from typing import Protocol

from edge.datatypes import Report
from edge.service import Outputs


class Meter(Protocol):
    """What counts."""

    def note(self, report: Report) -> None:
        """Count the frame of a report, once; never blocks and never raises."""
        ...


class MeteredOutputs:
    """Outputs whose reports are counted first: an output skips reports when it is slow."""

    def __init__(self, outputs: Outputs, meter: Meter) -> None:
        self._outputs = outputs
        self._meter = meter

    def show(self, report: Report) -> None:
        """Take a report. See Outputs."""
        self._meter.note(report)
        self._outputs.show(report)

    def failing(self) -> tuple[str, ...]:
        """Return the names of the outputs that fail."""
        return self._outputs.failing()
