"""Finds samples that are almost another one: the same photo, cropped or compressed again.

FER2013 was collected by web searches, which find the same photos several times. A network that has
learnt a sample's near copy is not tested by the sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
import numpy.typing as npt

from converter.data.faces import FaceDataset, Images, Indices, Split
from converter.progress import progress

Floats = npt.NDArray[np.float32]

LEAST_CORRELATION = 0.97
"""Of the grey values, after alignment. In FER2013 pairs down to 0.94 look like copies."""

SHIFT_PX = 4
"""The farthest that two crops of one photo are moved against each other."""

COARSE_PX = 12
CELL_PX = 3
COARSE_SHIFTS_PX = (-3, 0, 3)
LEAST_COARSE = 0.9
"""Correlation of the middles at 12x12, at the best of these shifts, from which a pair is aligned.

Most pairs are far below.
"""

BLOCK = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Of the samples of a held-out split: how many are also elsewhere.

    `exact` have an equal sample in Training, which has the same label for `agreeing` of them;
    `near` others have a near copy there. `other_split` have either in the other held-out split.
    """

    samples: int
    exact: int
    agreeing: int
    near: int
    other_split: int


def without_near_copies(training: FaceDataset, everything: FaceDataset) -> FaceDataset:
    """Return `training` without near copies of the samples that `everything` holds out."""
    held_out = everything.images[everything.split != Split.TRAINING]
    near, _ = near_copies(training.images, held_out)
    kept = np.ones(len(training), bool)
    kept[near] = False
    return training.take(kept)


def held_out_copies(faces: FaceDataset, split: Split) -> Copies:
    """Return how many samples of a held-out `split` are elsewhere in `faces`, too."""
    own, training = faces.part(split), faces.part(Split.TRAINING)
    other = faces.part(Split.PRIVATE if split == Split.PUBLIC else Split.PUBLIC)
    labels: dict[bytes, set[int]] = {}
    for image, label in zip(training.images, training.labels, strict=True):
        labels.setdefault(image.tobytes(), set()).add(int(label))
    found = [labels.get(image.tobytes()) for image in own.images]
    exact = np.array([labels is not None for labels in found], bool)
    agreeing = sum(
        int(label) in known for known, label in zip(found, own.labels, strict=True) if known
    )
    near, _ = near_copies(own.images, training.images)
    across, _ = near_copies(own.images, other.images)
    return Copies(
        samples=len(own),
        exact=int(exact.sum()),
        agreeing=agreeing,
        near=int((~exact[np.unique(near)]).sum()),
        other_split=len(np.unique(across)),
    )


def near_copies(images: Images, others: Images) -> tuple[Indices, Indices]:
    """Return the indices of all pairs of `images` and `others` that are equal or nearly so.

    Both uint8 (N, 48, 48). Nearly: with a correlation above 0.97 at the best of the shifts of up
    to 4 px.
    """
    pairs = [
        (index, other)
        for index, other in _alike(images, others)
        if is_near(images[index], others[other])
    ]
    first, second = np.array(pairs, np.intp).reshape(-1, 2).T
    return first, second


def is_near(image: Images, other: Images) -> bool:
    """Return whether two samples, uint8 (48, 48), correlate above 0.97 at the best shift."""
    inner = np.ascontiguousarray(image[SHIFT_PX:-SHIFT_PX, SHIFT_PX:-SHIFT_PX])
    if not np.ptp(inner) or not np.ptp(other):
        return False
    scores = cv2.matchTemplate(np.ascontiguousarray(other), inner, cv2.TM_CCOEFF_NORMED)
    return bool(np.max(scores) > LEAST_CORRELATION)


def _alike(images: Images, others: Images) -> Iterator[tuple[int, int]]:
    """Yield the pairs whose middles are alike at 12x12, at some shift."""
    shifted = [_coarse(others, *shift) for shift in product(COARSE_SHIFTS_PX, repeat=2)]
    begins = range(0, len(images), BLOCK)
    for begin in progress(begins, "Looking for near copies", total=len(begins)):
        block = _coarse(images[begin : begin + BLOCK])
        alike = np.zeros((len(block), len(others)), bool)
        for theirs in shifted:
            alike |= block @ theirs.T > LEAST_COARSE
        for index, other in np.argwhere(alike):
            yield begin + int(index), int(other)


def _coarse(images: Images, down_px: int = 0, across_px: int = 0) -> Floats:
    """Return the middle 36x36, moved, in cells of 3x3, with mean 0 and norm 1: float32 (N, 144)."""
    count, side, _ = images.shape
    inner = COARSE_PX * CELL_PX
    top, left = ((side - inner) // 2 + moved for moved in (down_px, across_px))
    cells = images[:, top : top + inner, left : left + inner].reshape(
        count, COARSE_PX, CELL_PX, COARSE_PX, CELL_PX
    )
    flat: Floats = cells.mean((2, 4), np.float32).reshape(count, COARSE_PX**2)
    flat = flat - flat.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(norms, 1e-6), np.float32)
