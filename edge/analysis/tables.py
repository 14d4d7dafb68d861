"""What `analyze` prints: an object for each frame, or a row for each face."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any, Protocol, TextIO

from edge.analysis.plan import Job

Record = dict[str, Any]
"""A reading as `Reading.to_dict` returns it."""


class Table(Protocol):
    """Takes the records of all files in order."""

    def add(self, job: Job, record: Record) -> None:
        """Take the next record of a file. Raises OSError when it cannot be written."""
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


class JsonTable:
    """An object for each frame, on one line or indented."""

    def __init__(self, stream: TextIO, *, indent: int | None) -> None:
        self._stream = stream
        self._indent = indent

    def add(self, job: Job, record: Record) -> None:  # noqa: ARG002 (the record says it all)
        """Print the object at once, in ASCII where the stream has no Unicode."""
        ascii_only = not _is_unicode(self._stream)
        print(
            json.dumps(record, indent=self._indent, ensure_ascii=ascii_only),
            file=self._stream,
            flush=True,
        )

    def close(self) -> None:
        """Nothing is left."""


class CsvTable:
    """A row for each face; frames without a face have none (RFC 4180, but for the line ends)."""

    COLUMNS = ("path", "frame", "time_s", "id", "x1", "y1", "x2", "y2", "label", "confidence")

    def __init__(self, stream: TextIO, labels: Sequence[str]) -> None:
        """Print the header: `COLUMNS`, and one column for each label's probability."""
        self._stream = stream
        self._labels = labels
        self._print([*self.COLUMNS, *labels])

    def add(self, job: Job, record: Record) -> None:  # noqa: ARG002 (the record says it all)
        """Print the frame's faces."""
        for face in record["faces"]:
            place = [record[name] for name in ("path", "frame", "time_s")]
            said = [face["id"], *face["box"], face["label"], face["confidence"]]
            # A face that was not classified yet has no probabilities.
            self._print([*place, *said, *(face["probs"].get(label) for label in self._labels)])

    def close(self) -> None:
        """Nothing is left."""

    def _print(self, row: Sequence[object]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(row)
        line = text.getvalue()
        if not _is_unicode(self._stream):
            line = line.encode("ascii", "backslashreplace").decode("ascii")
        print(line, end="", file=self._stream, flush=True)


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().startswith("utf")
