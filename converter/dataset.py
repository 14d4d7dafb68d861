"""Face pictures with their labels: what is trained on, calibrated with and measured by."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import DataError

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's own order."""

Images = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]

BLANK_DEVIATION = 3.0
"""A picture whose grey values deviate by less is taken for blank."""


class Split(IntEnum):
    """FER2013's official splits: train on the first, select on the second, report the third."""

    TRAINING = 0
    PUBLIC = 1
    PRIVATE = 2


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
        """Return the rows of these indices, or where this mask is true."""
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
        """Return the training split without pictures that are blank, repeated, or held out too.

        Held out is what PublicTest or PrivateTest has, pixel for pixel.
        """
        known = {image.tobytes() for image in self.images[self.split != Split.TRAINING]}
        seen: set[tuple[bytes, int]] = set()
        keep = []
        for index in np.flatnonzero(self.split == Split.TRAINING):
            image, label = self.images[index], int(self.labels[index])
            key = image.tobytes()
            if key in known or (key, label) in seen or image.std() < BLANK_DEVIATION:
                continue
            seen.add((key, label))
            keep.append(index)
        return self.take(np.array(keep, np.intp))

    def stratified(self, count: int, seed: int) -> FaceDataset:
        """Return `count` rows in random order, as evenly of every label as there are.

        Raises DataError when there are fewer than `count`.
        """
        if count > len(self):
            raise DataError(f"{count} pictures are wanted, the dataset has only {len(self)}")
        rng = np.random.default_rng(seed)
        shuffled = rng.permutation(len(self))
        rank = np.empty(len(self), np.intp)
        for label in range(len(LABELS)):
            own = shuffled[self.labels[shuffled] == label]
            rank[own] = np.arange(len(own))
        return self.take(shuffled[np.argsort(rank[shuffled], kind="stable")[:count]])


def load_dataset(path: Path) -> FaceDataset:
    """Return the FER2013 `.npz` at `path`: arrays images, labels, split and ferplus.

    Raises DataError when the file is missing, damaged or not so laid out.
    """
    arrays = _read_arrays(path)
    count = len(arrays["labels"])
    shapes = {"images": (count, 48, 48), "labels": (count,), "split": (count,)}
    shapes["ferplus"] = (count, 10)
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise DataError(f"{path}: {name} is {arrays[name].shape}, expected {shape}")
    for name, limit in {"labels": len(LABELS), "split": len(Split)}.items():
        if count and arrays[name].max() >= limit:
            raise DataError(f"{path}: {name} holds {arrays[name].max()}, expected 0..{limit - 1}")
    return FaceDataset(
        images=arrays["images"],
        labels=arrays["labels"],
        split=arrays["split"],
        votes=arrays["ferplus"],
    )


def _read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    kinds = {"images": np.uint8, "labels": np.uint8, "split": np.uint8, "ferplus": np.int8}
    try:
        with path.open("rb") as file, np.load(file) as data:
            arrays = {name: data[name] for name in kinds.keys() & data.keys()}
    except OSError as exc:
        reason = exc.strerror or "not a whole .npz file"
        raise DataError(f"{path}: cannot read the pictures: {reason}") from exc
    except (ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as exc:
        raise DataError(f"{path}: not a whole .npz file") from exc
    if missing := kinds.keys() - arrays.keys():
        raise DataError(f"{path}: lacks the array {min(missing)!r}")
    for name, kind in kinds.items():
        if arrays[name].dtype != kind:
            raise DataError(f"{path}: {name} is {arrays[name].dtype}, expected {np.dtype(kind)}")
    return arrays
