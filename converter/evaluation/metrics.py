"""How good answers are: pure functions of predicted and true labels, or of probabilities.

`answers` and `labels` are integer (N,) of 0..6, `probabilities` float32 (N, 7) with rows that sum
to 1; N is at least 1. All shares are 0..1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.data.dataset import LABELS

Integers = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float32]
Interval = tuple[float, float]

BINS = 15
"""Of the calibration error, as in Guo et al. 2017."""

RESAMPLES = 2000
CONFIDENCE = 0.95
FEWEST_VOTES = 5
"""Of ten; a picture with fewer for any one of our seven has no FER+ label."""

FERPLUS_ORDER = (4, 5, 6, 1, 3, 2, 0)
"""The columns of FER+'s votes in the order of LABELS."""


def softmax(logits: Floats) -> Floats:
    """Return probabilities over the last axis."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def accuracy(answers: Integers, labels: Integers) -> float:
    """Return the share of right answers."""
    return float((answers == labels).mean())


def confusion_matrix(answers: Integers, labels: Integers) -> npt.NDArray[np.int64]:
    """Return counts (7, 7): a row for each true label, a column for each answer."""
    size = len(LABELS)
    pairs = labels.astype(np.int64) * size + answers.astype(np.int64)
    return np.bincount(pairs, minlength=size * size).reshape(size, size).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """Of one label: how often its name was right, how much of it was found, their harmonic mean.

    A share of nothing is 0.
    """

    pictures: int
    precision: float
    recall: float
    f1: float


def class_metrics(answers: Integers, labels: Integers) -> tuple[ClassMetrics, ...]:
    """Return one record for each of LABELS."""
    confusion = confusion_matrix(answers, labels)
    right = confusion.diagonal()
    named, true = confusion.sum(axis=0), confusion.sum(axis=1)
    return tuple(
        ClassMetrics(
            pictures=int(true[i]),
            precision=float(right[i] / max(named[i], 1)),
            recall=float(right[i] / max(true[i], 1)),
            f1=float(2 * right[i] / max(named[i] + true[i], 1)),
        )
        for i in range(len(LABELS))
    )


def macro_f1(answers: Integers, labels: Integers) -> float:
    """Return the mean F1 of the labels that there are pictures of."""
    present = [one.f1 for one in class_metrics(answers, labels) if one.pictures]
    return float(np.mean(present))


def ece(probabilities: Floats, labels: Integers) -> float:
    """Return the expected calibration error of the greatest probability, over 15 equal bins.

    The mean distance between how sure and how right, weighted by pictures: Guo et al., "On
    Calibration of Modern Neural Networks" (2017), eq. 3.
    """
    sure = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    apart = [np.abs((right[bins == b] - sure[bins == b]).sum()) for b in range(BINS)]
    return float(sum(apart) / len(sure))


def bootstrap_interval(values: npt.NDArray[Any], *, seed: int = 0) -> Interval:
    """Return the 95% percentile bootstrap interval of the mean of `values` (N,).

    Efron & Tibshirani, "An Introduction to the Bootstrap" (1993), ch. 13.
    """
    rng = np.random.default_rng(seed)
    count = len(values)
    means = [values[rng.integers(count, size=count)].mean() for _ in range(RESAMPLES)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p of two classifiers being equally often right.

    `only_first` and `only_second` count the pictures that just one of them got right. McNemar
    (1947); the binomial test of the smaller count at one half.
    """
    discordant = only_first + only_second
    tail = sum(math.comb(discordant, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, tail / 2 ** (discordant - 1)) if discordant else 1.0


def ferplus_labels(votes: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Return the label of most FER+ votes (N, 10) among our seven, -1 where there is none.

    None is where something else, or another of the seven, has as many, or all have too few.
    """
    ours = votes[:, FERPLUS_ORDER].astype(np.int64)
    most = ours.max(axis=1)
    clear = (votes == most[:, None]).sum(axis=1) == 1
    clear &= most == votes.max(axis=1)
    return np.where(clear & (most >= FEWEST_VOTES), ours.argmax(axis=1), -1)
