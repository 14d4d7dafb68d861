"""The order of a model's outputs: assumed aloud, and doubted when another one fits far better."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.data.labels import LABELS
from converter.quantization.label_order import better_order

pytestmark = pytest.mark.converter

ALPHABETICAL = tuple(sorted(LABELS))


def answers(labels, right, seed=0):
    """Return outputs (N, 7) that are right for this share of the samples."""
    rng = np.random.default_rng(seed)
    guesses = np.where(rng.random(len(labels)) < right, labels, rng.integers(0, 7, len(labels)))
    return np.eye(7, dtype=np.float32)[guesses]


def as_read(outputs, true_order, assumed):
    """Return outputs made in the order of LABELS as they look when their order is mistaken."""
    of_the_file = outputs[:, [LABELS.index(label) for label in true_order]]
    return of_the_file[:, [assumed.index(label) for label in LABELS]]


@pytest.fixture
def labels():
    return np.repeat(np.arange(7), 40)


@pytest.mark.parametrize("right", [0.5, 0.7, 1.0])
def test_a_model_in_alphabetical_order_is_seen(right, labels):
    outputs = answers(labels, right)
    found = better_order(as_read(outputs, ALPHABETICAL, LABELS), labels, LABELS)
    assert found.labels == ALPHABETICAL
    assert found.accuracy == pytest.approx((outputs.argmax(1) == labels).mean())
    assert found.accuracy > found.assumed_accuracy + 0.05


def test_the_order_is_corrected_from_whatever_was_assumed(labels):
    outputs = as_read(answers(labels, 0.7), LABELS, ALPHABETICAL)
    assert better_order(outputs, labels, ALPHABETICAL).labels == LABELS


@pytest.mark.parametrize("seed", range(20))
def test_a_right_order_is_not_doubted(seed, labels):
    for right in (0.0, 0.3, 0.9):
        assert better_order(answers(labels, right, seed), labels) is None


def test_few_samples_are_no_ground_for_doubt(labels):
    few = slice(None, None, 20)
    assert better_order(np.roll(answers(labels, 0.5), 1, axis=1)[few], labels[few]) is None
