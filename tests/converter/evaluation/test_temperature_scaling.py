"""One temperature, found again after it was put in, and refused where there is none."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.errors import DataError
from converter.evaluation.metrics import ece, softmax
from converter.evaluation.temperature_scaling import HOTTEST, fit_temperature

pytestmark = pytest.mark.converter


@pytest.fixture
def honest():
    """Logits (20000, 7) and labels drawn with just the probabilities they stand for."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20000, 7)).astype(np.float32)
    labels = (rng.gumbel(size=logits.shape) + logits).argmax(axis=1)
    return logits, labels


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(honest, temperature):
    logits, labels = honest
    assert fit_temperature(logits * np.float32(temperature), labels) == pytest.approx(
        temperature, rel=0.03
    )


def test_it_makes_too_sure_a_network_honest(honest):
    logits, labels = honest
    boasting = logits * 3
    fitted = fit_temperature(boasting, labels)
    assert ece(softmax(boasting), labels) > 0.1
    assert ece(softmax(boasting / np.float32(fitted)), labels) < 0.01


def test_logits_that_say_nothing_get_the_hottest():
    labels = np.arange(700) % 7
    logits = np.eye(7, dtype=np.float32)[(labels + 1) % 7]
    assert fit_temperature(logits, labels) == pytest.approx(HOTTEST, rel=1e-3)


def test_one_sample_is_enough():
    assert fit_temperature(np.array([[1, 0, 0, 0, 0, 0, 0]], np.float32), np.array([0])) > 0


@pytest.mark.parametrize(
    ("logits", "complaint"),
    [
        (np.zeros((0, 7), np.float32), "no sample"),
        (np.full((1, 7), np.nan, np.float32), "not finite"),
        (np.full((1, 7), np.inf, np.float32), "not finite"),
    ],
)
def test_nothing_to_fit_on_is_refused(logits, complaint):
    with pytest.raises(DataError, match=complaint):
        fit_temperature(logits, np.zeros(len(logits), int))
