"""Builds a dataset from samples, and records the samples that could not be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from converter.data.faces import FaceDataset, Images, Split
from converter.data.labels import DROPPED, LABELS
from converter.errors import DataError

MOST_BAD = 0.01
"""Share of the samples. A larger share of bad ones means a wrong kind of file."""

NO_VOTES = np.full(10, -1, np.int8)

SPLITS = {
    **dict.fromkeys(("training", "train"), Split.TRAINING),
    **dict.fromkeys(("publictest", "public", "validation", "valid", "val", "dev"), Split.PUBLIC),
    **dict.fromkeys(("privatetest", "private", "testing", "test"), Split.PRIVATE),
}
"""The names of the splits, in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """`bad` is the place of each unusable sample and its fault; `contempt` counts those dropped.

    `notes` are whole sentences on what was decided about the rest.
    """

    faces: FaceDataset
    bad: tuple[str, ...] = ()
    contempt: int = 0
    notes: tuple[str, ...] = ()

    def remarks(self) -> list[str]:
        """Return remarks about left-out samples, one line each."""
        said = list(self.notes)
        if self.contempt:
            said.append(f"dropped {self.contempt} samples of contempt, which is not a label here")
        if self.bad:
            said.append(f"left out {len(self.bad)} bad samples, the first: {self.bad[0]}")
        return said


Parsed = tuple[str, int, Images]
"""Label or "contempt", split, sample uint8 (48, 48)."""


@dataclass(slots=True)
class DatasetBuilder:
    """Collects samples; those that do not parse are bad."""

    samples: list[Images] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    votes: list[npt.NDArray[np.int8]] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    contempt: int = 0

    def take(
        self, where: str, parse: Callable[[], Parsed], votes: npt.NDArray[np.int8] = NO_VOTES
    ) -> None:
        """Add the result of `parse`; a ValueError makes the sample at `where` a bad one."""
        try:
            label, split, sample = parse()
        except ValueError as exc:
            self.bad.append(f"{where}: {exc}")
            return
        if label == DROPPED:
            self.contempt += 1
            return
        self.samples.append(sample)
        self.labels.append(LABELS.index(label))
        self.splits.append(split)
        self.votes.append(votes)

    def reading(self, source: object, *notes: str) -> Reading:
        """Return the samples, with those of `notes` that are not empty.

        Raises DataError when there is none, or more than 1% is bad.
        """
        rows = len(self.samples) + self.contempt + len(self.bad)
        if len(self.bad) > MOST_BAD * rows:
            raise DataError(f"{len(self.bad)} of {rows} samples are bad, the first: {self.bad[0]}")
        if not self.samples:
            raise DataError(f"{source}: it holds no sample of the seven expressions")
        faces = FaceDataset(
            images=np.stack(self.samples),
            labels=np.array(self.labels, np.uint8),
            split=np.array(self.splits, np.uint8),
            votes=np.stack(self.votes),
        )
        return Reading(
            faces=faces,
            bad=tuple(self.bad),
            contempt=self.contempt,
            notes=tuple(filter(None, notes)),
        )
