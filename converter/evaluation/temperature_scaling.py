"""Calibrates probabilities with one temperature for a network's logits."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from converter.errors import DataError
from converter.evaluation.metrics import Floats, Integers

COLDEST, HOTTEST = 0.05, 20.0
STEPS = 60
"""Of a golden section: the bracket ends narrower than a float32 can tell."""


def fit_temperature(logits: Floats, labels: Integers) -> float:
    """Return the T with which softmax(logits / T) gives `labels` the greatest likelihood.

    `logits` float32 (N, 7), `labels` (N,) of 0..6. Guo et al., "On Calibration of Modern Neural
    Networks" (2017), section 4.2; the likelihood has one maximum along log T, which a golden
    section finds between 0.05 and 20. Raises DataError without samples or when a logit is not
    finite.
    """
    if not len(logits):
        raise DataError("there is no sample to fit the temperature on")
    if not np.isfinite(logits).all():
        raise DataError("a logit to fit the temperature on is not finite")
    exact = logits.astype(np.float64)
    golden = (math.sqrt(5) - 1) / 2
    low, high = math.log(COLDEST), math.log(HOTTEST)
    for _ in range(STEPS):
        lower, upper = high - golden * (high - low), low + golden * (high - low)
        if _loss(exact, labels, math.exp(lower)) < _loss(exact, labels, math.exp(upper)):
            high = upper
        else:
            low = lower
    return math.exp((low + high) / 2)


def _loss(logits: npt.NDArray[np.float64], labels: Integers, temperature: float) -> float:
    """Return the mean negative log-likelihood."""
    scaled = logits / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    own = scaled[np.arange(len(labels)), labels]
    return float((np.log(np.exp(scaled).sum(axis=1)) - own).mean())
