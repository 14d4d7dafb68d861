"""Draws held-out splits from a dataset that has none, the same ones each time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converter.data.builder import Reading
from converter.data.faces import FaceDataset, Split
from converter.data.labels import LABELS

HELD_OUT_ONE_IN = 10
"""Of the samples of each label."""

SEED = 0


def with_splits(reading: Reading, missing: str, *splits: Split) -> Reading:
    """Return `reading` with a tenth of its training samples moved to each of `splits`.

    Its notes begin with a sentence on this, which begins with `missing`: what the dataset lacks.
    """
    faces = reading.faces
    for split in splits:
        faces = _held_out(faces, split)
    if len(splits) > 1:
        decision = "a tenth each was drawn for PublicTest and PrivateTest"
    else:
        decision = "a tenth of the training ones became PublicTest"
    return replace(reading, faces=faces, notes=(f"{missing}: {decision}", *reading.notes))


def _held_out(faces: FaceDataset, split: Split) -> FaceDataset:
    """Return `faces` with one training sample in ten of each label moved to `split`."""
    rng = np.random.default_rng((SEED, split))
    moved = faces.split.copy()
    for label in range(len(LABELS)):
        own = rng.permutation(
            np.flatnonzero((faces.labels == label) & (faces.split == Split.TRAINING))
        )
        moved[own[: round(len(own) / HELD_OUT_ONE_IN)]] = split
    return FaceDataset(images=faces.images, labels=faces.labels, split=moved, votes=faces.votes)
