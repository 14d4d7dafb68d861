"""FER2013 as Kaggle publishes it: `fer2013.csv` with the columns emotion, pixels and Usage."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

from converter.data.builder import NO_VOTES, SPLITS, DatasetBuilder, Parsed, Reading
from converter.data.ferplus import Votes
from converter.data.image import image_of_text
from converter.data.labels import KNOWN, label_of
from converter.errors import DataError

COLUMNS = ("emotion", "pixels", "Usage")
LONGEST_FIELD = 10_000_000  # characters; Python's own limit is too low for samples


def read_csv(path: Path, votes: Votes | None = None) -> Reading:
    """Return the samples of the file at `path`, with FER+'s `votes` row by row.

    Raises DataError when the file is missing, has another layout, has more than 1% bad rows, or
    another number of rows than `votes`.
    """
    gathered = DatasetBuilder()
    rows = 0
    try:
        csv.field_size_limit(LONGEST_FIELD)
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            table.fieldnames = [name.strip() for name in table.fieldnames or ()]
            if missing := set(COLUMNS) - set(table.fieldnames):
                raise DataError(f"{path}: not fer2013.csv: it lacks the column {min(missing)!r}")
            for rows, row in enumerate(table, 1):
                own = votes.of_row(rows - 1) if votes else NO_VOTES
                gathered.take(f"{path}, line {table.line_num}", partial(_parsed, row), own)
    except OSError as exc:
        raise DataError(f"{path}: cannot read the samples: {exc.strerror}") from exc
    except (csv.Error, UnicodeDecodeError) as exc:
        raise DataError(f"{path}: not fer2013.csv: {exc}") from exc
    if votes and len(votes.rows) != rows:
        raise DataError(
            f"{path} has {rows} rows, but its votes have {len(votes.rows)}; rows must match"
        )
    return gathered.reading(path)


def _parsed(row: dict[str, str | None]) -> Parsed:
    emotion, pixels, usage = (row[column] for column in COLUMNS)
    if emotion is None or pixels is None or usage is None:
        raise ValueError("it has too few columns")
    label, split = label_of(emotion), SPLITS.get(usage.strip().lower())
    if label is None:
        raise ValueError(f"unknown emotion {emotion[:20]!r}, expected 0 to 6 or one of {KNOWN}")
    if split is None:
        raise ValueError(f"unknown Usage {usage[:20]!r}, such as Training or PublicTest")
    return label, split, image_of_text(pixels)
