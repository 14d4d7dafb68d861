"""A table of all files, and a timeline for each video: how long each expression was shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from edge.analysis.plan import Job
from edge.analysis.results import write_image
from edge.analysis.tables import Record
from edge.analysis.timeline import Timeline
from edge.datatypes import UNCERTAIN
from edge.errors import printable

_IMAGES = "images"


class Totals:
    """Sums over the frames of one video, or of all images."""

    def __init__(self) -> None:
        self.frames = 0
        self._last_s: float | None = None
        self._most_faces = 0
        self._labels = Counter[str]()

    def add(self, record: Record) -> None:
        """Count the faces of a frame."""
        faces = record["faces"]
        self.frames += 1
        self._last_s = record["time_s"]
        self._most_faces = max(self._most_faces, len(faces))
        self._labels.update(face["label"] or UNCERTAIN for face in faces)

    def row(self, name: str, labels: Sequence[str]) -> list[str]:
        """Return the cells of the table; a label's share is of the faces of all frames."""
        count = self._labels.total()
        shares = [f"{self._labels[label] / count:.0%}" if count else "-" for label in labels]
        duration = "-" if self._last_s is None else f"{self._last_s:.1f}"
        return [name, str(self.frames), duration, str(self._most_faces), *shares]


class SummaryTable:
    """Prints one row for each video and one for all images; draws each video's timeline."""

    def __init__(self, stream: TextIO, labels: Sequence[str], folder: Path) -> None:
        self._stream = stream
        self._labels = labels
        self._folder = folder
        self._images = Totals()
        self._rows = [["file", "frames", "seconds", "faces", *labels, UNCERTAIN]]
        self._video: tuple[Job, Totals, Timeline] | None = None

    def add(self, job: Job, record: Record) -> None:
        """Count a frame."""
        if self._video and self._video[0] is not job:
            self._finish_video()
        if record["time_s"] is None:
            self._images.add(record)
            return
        if self._video is None:
            self._video = job, Totals(), Timeline((*self._labels, UNCERTAIN))
        self._video[1].add(record)
        self._video[2].add(record)

    def close(self) -> None:
        """Print the table."""
        self._finish_video()
        if self._images.frames:
            self._rows.append(self._images.row(_IMAGES, (*self._labels, UNCERTAIN)))
        widths = [max(map(len, column)) for column in zip(*self._rows, strict=True)]
        for name, *cells in self._rows:
            right = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
            print(name.ljust(widths[0]), *right, sep="  ", file=self._stream)

    def _finish_video(self) -> None:
        if self._video is None:
            return
        job, totals, timeline = self._video
        self._video = None
        self._rows.append(totals.row(printable(str(job.path)), (*self._labels, UNCERTAIN)))
        path = self._folder / job.name.with_name(f"{job.name.name}.png")
        write_image(path, timeline.draw(printable(job.name.name)))
