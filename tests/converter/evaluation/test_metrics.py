"""Measures of predictions, against numbers worked out by hand or by another method."""

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.evaluation import metrics

pytestmark = pytest.mark.converter

LABELS = np.array([0, 0, 0, 1, 3, 3])
PREDICTIONS = np.array([0, 0, 3, 3, 3, 3])


def test_accuracy_and_confusion():
    assert metrics.accuracy(PREDICTIONS, LABELS) == pytest.approx(4 / 6)
    confusion = metrics.confusion_matrix(PREDICTIONS, LABELS)
    assert confusion.shape == (7, 7)
    assert confusion.sum() == 6
    assert (confusion[0, 0], confusion[0, 3], confusion[1, 3], confusion[3, 3]) == (2, 1, 1, 2)


def test_uint8_labels_do_not_overflow_the_confusion():
    labels = np.full(300, 6, np.uint8)
    assert metrics.confusion_matrix(labels, labels)[6, 6] == 300


def test_each_class():
    angry, disgust, fear, happy, *_ = metrics.class_metrics(PREDICTIONS, LABELS)
    assert (angry.samples, angry.precision, angry.recall) == (3, 1.0, pytest.approx(2 / 3))
    assert angry.f1 == pytest.approx(0.8)
    assert (happy.precision, happy.recall) == (0.5, 1.0)
    assert (disgust.samples, disgust.recall, disgust.f1) == (1, 0.0, 0.0)
    assert fear.samples == 0
    assert metrics.macro_f1(PREDICTIONS, LABELS) == pytest.approx((0.8 + 0 + 2 / 3) / 3)


def sure(confidence, count=100):
    """Return probabilities (count, 7) that name label 0 with this confidence."""
    return np.tile(np.array([confidence, *[(1 - confidence) / 6] * 6], np.float32), (count, 1))


@pytest.mark.parametrize(("confidence", "right", "error"), [(0.8, 80, 0.0), (0.9, 60, 0.3)])
def test_the_calibration_error_is_how_far_confidence_is_off(confidence, right, error):
    labels = np.array([0] * right + [1] * (100 - right))
    assert metrics.ece(sure(confidence), labels) == pytest.approx(error, abs=1e-6)


def test_bins_do_not_cancel_out():
    # Too sure by 0.2 in one bin and too modest by 0.2 in another: 0.2 on average, not none.
    probabilities = np.vstack([sure(0.9), sure(0.5)])
    labels = np.array([0] * 70 + [1] * 30 + [0] * 70 + [1] * 30)
    assert metrics.ece(probabilities, labels) == pytest.approx(0.2, abs=1e-6)
    assert metrics.ece(sure(1.0), np.zeros(100, int)) == 0.0


def test_the_bootstrap_interval_is_near_the_normal_one():
    right = np.arange(2000) < 1300
    low, high = metrics.bootstrap_interval(right)
    half = 1.96 * math.sqrt(0.65 * 0.35 / 2000)
    assert low == pytest.approx(0.65 - half, abs=0.004)
    assert high == pytest.approx(0.65 + half, abs=0.004)
    assert metrics.bootstrap_interval(right) == (low, high)
    assert metrics.bootstrap_interval(np.ones(3, bool)) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 0.0625), (1, 9, 22 / 1024), (9, 1, 22 / 1024)],
)
def test_mcnemar_is_the_exact_binomial_test(first, second, p):
    assert metrics.mcnemar(first, second) == pytest.approx(p)


def test_mcnemar_of_many_samples_is_finite():
    assert 0 < metrics.mcnemar(1500, 1400) < 0.1


def test_softmax_sums_to_one():
    rows = metrics.softmax(np.array([[1e4, 0, -1e4], [0.0, 0.0, math.log(2)]], np.float32))
    assert rows[0].tolist() == [1, 0, 0]
    assert rows[1].tolist() == pytest.approx([0.25, 0.25, 0.5])
