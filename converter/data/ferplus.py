"""FER+'s votes: ten people's labels for each of FER2013's samples, in `fer2013new.csv`.

Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution" (2016).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converter.data.builder import NO_VOTES
from converter.errors import DataError

COLUMNS = (
    *("neutral", "happiness", "surprise", "sadness", "anger"),
    *("disgust", "fear", "contempt", "unknown", "NF"),
)
MOST_VOTES = 100

LABEL_COLUMNS = (4, 5, 6, 1, 3, 2, 0)
"""The column of each of LABELS."""

FEWEST_VOTES = 5
"""Of ten votes: a sample with fewer for any of the seven labels has no FER+ label."""


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """`rows` int8 (R, 10), a row for each of fer2013.csv; `names` of the images, some empty."""

    rows: npt.NDArray[np.int8]
    names: tuple[str, ...]

    def of_row(self, index: int) -> npt.NDArray[np.int8]:
        """Return the votes (10,) for this row of fer2013.csv, -1 beyond the last."""
        return self.rows[index] if index < len(self.rows) else NO_VOTES

    def by_name(self) -> dict[str, npt.NDArray[np.int8]]:
        """Return the votes (10,) by the image's name."""
        return {name: row for name, row in zip(self.names, self.rows, strict=True) if name}


def read_votes(path: Path) -> Votes:
    """Return the votes at `path`. Raises DataError when it is not FER+'s file or damaged."""
    rows, names = [], []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := {"Image name", *COLUMNS} - set(reader.fieldnames or ()):
                raise DataError(f"{path}: not FER+'s votes: no column {min(missing)!r}")
            for row in reader:
                rows.append(_counted(path, reader.line_num, row))
                names.append(row["Image name"].strip())
    except OSError as exc:
        raise DataError(f"{path}: cannot read the votes: {exc.strerror}") from exc
    except (csv.Error, UnicodeDecodeError) as exc:
        raise DataError(f"{path}: not FER+'s votes: {exc}") from exc
    return Votes(np.array(rows, np.int8).reshape(-1, len(COLUMNS)), tuple(names))


def _counted(path: Path, line: int, row: dict[str, str]) -> list[int]:
    try:
        counts = [int(row[column]) for column in COLUMNS]
    except (TypeError, ValueError) as exc:
        raise DataError(f"{path}, line {line}: a vote is not a whole number") from exc
    if min(counts) < 0 or max(counts) > MOST_VOTES:
        raise DataError(f"{path}, line {line}: a vote is not from 0 to {MOST_VOTES}")
    return counts


def majority_labels(votes: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Return the label with the most FER+ votes (N, 10) of the seven, -1 where there is none.

    There is none where another column has as many votes, or where all have too few.
    """
    ours = votes[:, LABEL_COLUMNS].astype(np.int64)
    most = ours.max(axis=1)
    clear = (votes == most[:, None]).sum(axis=1) == 1
    clear &= most == votes.max(axis=1)
    return np.where(clear & (most >= FEWEST_VOTES), ours.argmax(axis=1), -1)
