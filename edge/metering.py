"""Counts what passes between the stages and the outputs; neither knows of it. No I/O here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from edge.datatypes import Frame, Report, Snapshot
from edge.inference_loop import Stage
from edge.service import Outputs


class Meter(Protocol):
    """What counts; neither method blocks or raises."""

    def note(self, report: Report) -> None:
        """Count the frame of a report, once."""
        ...

    def note_inference_error(self) -> None:
        """Count a frame at which a stage failed."""
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


class MeteredStage:
    """A stage whose failures are counted."""

    def __init__(self, stage: Stage, meter: Meter) -> None:
        self._stage = stage
        self._note_error = meter.note_inference_error
        self.reset: Callable[[], None] = stage.reset
        self.slow_to: Callable[[float], None] = stage.slow_to

    def step(self, frame: Frame) -> Snapshot:
        """Return what is seen in `frame`. Raises what the stage raises."""
        try:
            return self._stage.step(frame)
        except Exception:
            self._note_error()
            raise
