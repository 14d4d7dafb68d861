"""How good predictions are: pure functions of predicted and true labels, or of probabilities.

`predictions` and `labels` are integer (N,) of 0..6, `probabilities` float32 (N, 7) with rows that
sum to 1; N is at least 1. All shares are 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special, stats
from sklearn import metrics as sklearn

from converter.data.labels import LABELS

Integers = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float32]
Interval = tuple[float, float]

BINS = 15
"""Of the calibration error, as in Guo et al. 2017."""

RESAMPLES = 2000
CONFIDENCE = 0.95
_CLASSES = tuple(range(len(LABELS)))


def softmax(logits: Floats) -> Floats:
    """Return probabilities over the last axis."""
    return np.asarray(special.softmax(logits.astype(np.float64), axis=-1), np.float32)


def accuracy(predictions: Integers, labels: Integers) -> float:
    """Return the share of right predictions."""
    return float(sklearn.accuracy_score(labels, predictions))


def confusion_matrix(predictions: Integers, labels: Integers) -> npt.NDArray[np.int64]:
    """Return counts (7, 7): a row for each true label, a column for each prediction."""
    return np.asarray(sklearn.confusion_matrix(labels, predictions, labels=_CLASSES), np.int64)


def row_shares(confusion: Integers) -> npt.NDArray[np.float64]:
    """Return each count's share of its row; a row without counts stays zero."""
    return np.asarray(confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """Of one label: how often its name was right, how much of it was found, their harmonic mean.

    A share of nothing is 0.
    """

    samples: int
    precision: float
    recall: float
    f1: float


def class_metrics(predictions: Integers, labels: Integers) -> tuple[ClassMetrics, ...]:
    """Return one record for each of LABELS."""
    columns = sklearn.precision_recall_fscore_support(
        labels, predictions, labels=_CLASSES, zero_division=0.0
    )
    return tuple(
        ClassMetrics(
            samples=int(support), precision=float(precision), recall=float(recall), f1=float(f1)
        )
        for precision, recall, f1, support in zip(*columns, strict=True)
    )


def macro_f1(predictions: Integers, labels: Integers) -> float:
    """Return the mean F1 of the labels that have samples."""
    present = np.unique(labels)
    return float(
        sklearn.f1_score(labels, predictions, labels=present, average="macro", zero_division=0.0)
    )


def ece(probabilities: Floats, labels: Integers) -> float:
    """Return the expected calibration error of the greatest probability, over 15 equal bins.

    The mean distance between confidence and accuracy, weighted by samples: Guo et al., "On
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
    if len(values) == 1:  # SciPy resamples two and more
        return float(values[0]), float(values[0])
    found = stats.bootstrap(
        (values.astype(np.float64),),
        np.mean,
        n_resamples=RESAMPLES,
        batch=100,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p of two classifiers being equally often right.

    `only_first` and `only_second` count the samples that just one of them got right. McNemar
    (1947); the binomial test of the smaller count at one half.
    """
    discordant = only_first + only_second
    return float(stats.binomtest(only_first, discordant).pvalue) if discordant else 1.0
