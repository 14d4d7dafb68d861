"""FER2013 as Kaggle publishes it: CSV files with the columns emotion, pixels and Usage.

`fer2013.csv` and `icml_face_data.csv` have all three. The competition's `train.csv` has no Usage.
"""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

from converter.data.builder import NO_VOTES, SPLITS, DatasetBuilder, Parsed, Reading
from converter.data.faces import Split
from converter.data.ferplus import Votes
from converter.data.held_out import with_splits
from converter.data.image import image_of_text
from converter.data.label_map import LabelMap, NameReader
from converter.errors import DataError

COLUMNS = ("emotion", "pixels")
USAGE = "usage"
"""The column of the splits, which may be missing. Names are compared in lower case."""

LONGEST_FIELD = 10_000_000  # characters; Python's own limit is too low for samples


def read_csv(path: Path, votes: Votes | None = None, own_names: LabelMap | None = None) -> Reading:
    """Return the samples of the file at `path`, with FER+'s `votes` row by row.

    `own_names` are labels by what the column `emotion` has for them. Without a column `Usage` a
    tenth each is held out. Raises DataError when the file is missing, has another layout, has more
    than 1% bad rows, another number of rows than `votes`, or none with one of `own_names`.
    """
    gathered, names = DatasetBuilder(), NameReader(own_names)
    rows = 0
    try:
        csv.field_size_limit(LONGEST_FIELD)
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            columns = [name.strip().lower() for name in table.fieldnames or ()]
            table.fieldnames = columns
            if missing := set(COLUMNS) - set(columns):
                raise DataError(f"{path}: not fer2013.csv: it lacks the column {min(missing)!r}")
            for rows, row in enumerate(table, 1):
                own = votes.of_row(rows - 1) if votes else NO_VOTES
                gathered.take(f"{path}, line {table.line_num}", partial(_parsed, row, names), own)
    except OSError as exc:
        raise DataError(f"{path}: cannot read the samples: {exc.strerror}") from exc
    except (csv.Error, UnicodeDecodeError) as exc:
        raise DataError(f"{path}: not fer2013.csv: {exc}") from exc
    if votes and len(votes.rows) != rows:
        raise DataError(
            f"{path} has {rows} rows, but its votes have {len(votes.rows)}; rows must match"
        )
    names.check_used(path)
    reading = gathered.reading(path, names.note() if own_names else "")
    if USAGE in columns:
        return reading
    return with_splits(reading, "no column Usage", Split.PRIVATE, Split.PUBLIC)


def _parsed(row: dict[str, str | None], names: NameReader) -> Parsed:
    emotion, pixels, usage = row["emotion"], row["pixels"], row.get(USAGE, "training")
    if emotion is None or pixels is None or usage is None:
        raise ValueError("it has too few columns")
    label, split = names(emotion), SPLITS.get(usage.strip().lower())
    if label is None:
        raise ValueError(f"unknown emotion {emotion[:20]!r}, expected {names.expected}")
    if split is None:
        raise ValueError(f"unknown Usage {usage[:20]!r}, such as Training or PublicTest")
    return label, split, image_of_text(pixels)
