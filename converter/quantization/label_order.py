"""Finds out whether a model's outputs are in another order than assumed.

A model does not state the order of its outputs, and a wrong one makes a good model look poor:
`flow_from_directory` of Keras sorts the labels by name, FER2013 does not.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from converter.data.labels import LABELS
from converter.evaluation.metrics import Integers, accuracy, confusion_matrix, mcnemar

Floats = npt.NDArray[np.float32]

LEAST_GAIN = 0.05
"""Of accuracy, 0..1: a smaller one is not worth a warning."""

ORDERS = math.factorial(len(LABELS))
MOST_CHANCE = 0.01
"""Of a warning about a model whose order is right: the best of all orders always gains a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BetterOrder:
    """`labels` of the outputs in their order; accuracies 0..1 as assumed and with these."""

    labels: tuple[str, ...]
    assumed_accuracy: float
    accuracy: float


def better_order(
    outputs: Floats, labels: Integers, assumed: Sequence[str] = LABELS
) -> BetterOrder | None:
    """Return the order of labels with the best accuracy, None if `assumed` is about as good.

    `outputs` (N, 7) of the model for samples with `labels` (N,), already in the order of LABELS
    as far as `assumed` is right. Takes the best of all 5040 orders (linear assignment), and
    McNemar's test with Bonferroni's correction for that many to tell a gain from chance.
    """
    predictions = outputs.argmax(axis=1)
    _, meant = linear_sum_assignment(confusion_matrix(predictions, labels).T, maximize=True)
    corrected = meant[predictions]
    before, after = predictions == labels, corrected == labels
    gain = accuracy(corrected, labels) - accuracy(predictions, labels)
    chance = mcnemar(int((before & ~after).sum()), int((after & ~before).sum())) * ORDERS
    if gain <= LEAST_GAIN or chance > MOST_CHANCE:
        return None
    return BetterOrder(
        labels=tuple(LABELS[meant[LABELS.index(label)]] for label in assumed),
        assumed_accuracy=float(before.mean()),
        accuracy=float(after.mean()),
    )


def tell_order(path: Path, assumed: Sequence[str], outputs: Floats, labels: Integers) -> None:
    """Print on standard error the order that is assumed, and a warning when another fits better."""
    read = ",".join(assumed)
    sys.stderr.write(f"{path.name}: outputs are read as {read}; --labels sets another order\n")
    if better := better_order(outputs, labels, assumed):
        sys.stderr.write(
            f"{path.name}: warning: in this order {better.assumed_accuracy:.0%} of {len(labels)} "
            f"training samples are right, in another one {better.accuracy:.0%}: check --labels "
            f"{','.join(better.labels)}\n"
        )
