"""Face samples with their labels, for training, calibration and evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from converter.data.labels import LABELS
from converter.errors import DataError

Images = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]

BLANK_DEVIATION = 3.0
"""A sample whose grey values deviate by less counts as blank."""


class Split(IntEnum):
    """FER2013's official splits: train on the first, select on the second, report the third."""

    TRAINING = 0
    PUBLIC = 1
    PRIVATE = 2


class SampleStatus(IntEnum):
    """The use of a sample of the training split.

    A held-out sample is also in PublicTest or PrivateTest, pixel for pixel. A repeated sample
    equals an earlier one with the same label.
    """

    USED = 0
    HELD_OUT = 1
    REPEATED = 2
    BLANK = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceDataset:
    """`images` uint8 (N, 48, 48); `labels` (N,) indices of LABELS; `split` (N,) of Split.

    `votes` int8 (N, 10): FER+'s, in the order neutral, happiness, surprise, sadness, anger,
    disgust, fear, contempt, unknown, not-a-face; -1 where there are none.
    """

    images: Images
    labels: npt.NDArray[np.uint8]
    split: npt.NDArray[np.uint8]
    votes: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: Indices | npt.NDArray[np.bool_]) -> FaceDataset:
        """Return the rows of these indices or of this mask."""
        return FaceDataset(
            images=self.images[chosen],
            labels=self.labels[chosen],
            split=self.split[chosen],
            votes=self.votes[chosen],
        )

    def part(self, split: Split) -> FaceDataset:
        """Return one official split, whole."""
        return self.take(self.split == split)

    def training(self) -> FaceDataset:
        """Return the samples of the training split that are used; see `statuses`."""
        return self.take(
            np.flatnonzero(self.split == Split.TRAINING)[self.statuses() == SampleStatus.USED]
        )

    def statuses(self) -> npt.NDArray[np.uint8]:
        """Return the SampleStatus of each sample of the training split, in their order."""
        held_out = {image.tobytes() for image in self.images[self.split != Split.TRAINING]}
        seen: set[tuple[bytes, int]] = set()
        statuses = []
        for index in np.flatnonzero(self.split == Split.TRAINING):
            image, label = self.images[index], int(self.labels[index])
            key = image.tobytes()
            if key in held_out:
                statuses.append(SampleStatus.HELD_OUT)
            elif image.std() < BLANK_DEVIATION:
                statuses.append(SampleStatus.BLANK)
            else:
                statuses.append(
                    SampleStatus.REPEATED if (key, label) in seen else SampleStatus.USED
                )
                seen.add((key, label))
        return np.array(statuses, np.uint8)

    def stratified(self, count: int, seed: int) -> FaceDataset:
        """Return `count` rows in random order, as evenly of every label as there are.

        Raises DataError when there are fewer than `count`.
        """
        if count > len(self):
            raise DataError(f"{count} samples are needed, but the dataset has {len(self)}")
        rng = np.random.default_rng(seed)
        shuffled = rng.permutation(len(self))
        rank = np.empty(len(self), np.intp)
        for label in range(len(LABELS)):
            own = shuffled[self.labels[shuffled] == label]
            rank[own] = np.arange(len(own))
        return self.take(shuffled[np.argsort(rank[shuffled], kind="stable")[:count]])
