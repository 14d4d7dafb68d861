"""Biases of the last layer with which a network names each expression as often as it is right.

Training that counts rare expressions for more (`balance`) makes a network name them too readily,
and too surely.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import optimize, special

from converter.data.labels import LABELS
from converter.training.model import DenseNet121

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]

LEAST_RECALL = 0.5
FEWEST_SAMPLES = 10
"""Of a label, for a bias to be fitted to them."""

LARGEST = 3.0
"""Of the logarithm of T: answers that are all right would want a T of zero."""

SHARES = np.linspace(1, 0, 21)


def fit_biases(logits: Floats, labels: Integers) -> Floats:
    """Return float32 (7,) to add to the logits, float32 (N, 7), of images with these labels (N,).

    With all of it the likelihood of softmax((logits + biases) / T) is the greatest: bias-corrected
    temperature scaling, Alexandari et al., "Maximum Likelihood with Bias-Corrected Calibration is
    Hard-To-Beat at Label Shift Adaptation" (2020). Taken is the largest share of it with which no
    recall is below 0.5, or falls where it was below before. A label with fewer than ten samples
    keeps its bias.
    """
    fitted = np.bincount(labels, minlength=len(LABELS)) >= FEWEST_SAMPLES
    if not fitted.any():
        return np.zeros(len(LABELS), np.float32)

    def unlikeliness(unknown: Floats) -> float:
        temperature = np.exp(np.clip(unknown[0], -LARGEST, LARGEST))
        scaled = (logits + _spread(unknown[1:], fitted)) / temperature
        return float(-special.log_softmax(scaled, axis=1)[np.arange(len(labels)), labels].mean())

    found = optimize.minimize(unlikeliness, np.zeros(1 + fitted.sum()))
    biases = _spread(found.x[1:], fitted)
    least = np.minimum(_recalls(logits, labels), LEAST_RECALL)
    share = next(s for s in SHARES if (_recalls(logits + s * biases, labels) >= least).all())
    return np.asarray(share * biases, np.float32)


def with_biases(net: DenseNet121, biases: Floats) -> DenseNet121:
    """Return a copy of `net` that answers FER2013's labels with these biases added."""
    shifted = copy.deepcopy(net)
    bias = shifted.classifier.bias
    with torch.no_grad():
        bias.add_(torch.from_numpy(biases).to(bias.device))
    return shifted


def _spread(values: Floats, where: npt.NDArray[np.bool_]) -> Floats:
    """Return the values, less their mean, at the labels where they belong; zeros elsewhere."""
    spread = np.zeros(len(LABELS))
    spread[where] = values - values.mean()
    return spread


def _recalls(logits: Floats, labels: Integers) -> Floats:
    """Return the share of each label's images that is found, 0 where there is none."""
    found = labels[logits.argmax(axis=1) == labels]
    counts = [np.bincount(those, minlength=len(LABELS)) for those in (found, labels)]
    return np.asarray(counts[0] / np.maximum(counts[1], 1))
