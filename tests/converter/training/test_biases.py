"""Biases that were put in are taken out again, as far as no expression is lost by it."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

import torch
from runs import FEW, weights

from converter import cli
from converter.training import biases
from converter.training.biases import LEAST_RECALL, fit_biases

pytestmark = [pytest.mark.converter, pytest.mark.timeout(600)]

LAST = "classifier.bias"


def drawn(spread, shares):
    """Logits (20000, 7), and labels of these shares drawn with the probabilities they stand for."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, spread, (20000, 7)) + np.log(shares)
    labels = (rng.gumbel(size=logits.shape) + logits).argmax(axis=1)
    return logits.astype(np.float32), labels


def recalls(logits, labels):
    found = logits.argmax(axis=1) == labels
    return [found[labels == label].mean() for label in np.unique(labels)]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_biases_that_were_put_in_are_taken_out(temperature):
    logits, labels = drawn(6, np.full(7, 1 / 7))
    put_in = np.array([0.9, -0.9, 0.3, 0, 0, -0.3, 0], np.float32)
    found = fit_biases((logits + put_in) * np.float32(temperature), labels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, -put_in * temperature, atol=0.12 * temperature)


def test_a_rare_expression_is_not_lost():
    logits, labels = drawn(2, np.array([0.4, 0.01, 0.2, 0.1, 0.1, 0.09, 0.1]))
    adjusted = logits + np.array([0, 4, 0, 0, 0, 0, 0], np.float32)
    before, after = (recalls(adjusted + by, labels) for by in (0, fit_biases(adjusted, labels)))
    assert before[1] > 0.8
    assert LEAST_RECALL <= after[1] < 0.7
    assert all(a >= min(b, LEAST_RECALL) for a, b in zip(after, before, strict=True))


def test_a_label_with_few_samples_keeps_its_bias():
    logits, labels = drawn(6, np.full(7, 1 / 7))
    kept = (labels != 3) & (labels != 4)
    found = fit_biases(logits[kept] + np.eye(7, dtype=np.float32)[0], labels[kept])
    assert found[3] == found[4] == 0
    assert found[0] < -0.5


def test_answers_that_are_all_right_need_none():
    labels = np.arange(700) % 7
    logits = 5 * np.eye(7, dtype=np.float32)[labels]
    np.testing.assert_allclose(fit_biases(logits, labels), 0, atol=1e-3)


def test_a_run_shifts_what_it_keeps_and_nothing_else(random_npz, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(biases, "FEWEST_SAMPLES", 1)
    monkeypatch.setattr(biases, "LEAST_RECALL", 0.0)
    kept = []
    for value in ("false", "true"):
        own, out = tmp_path / f"{value}.toml", tmp_path / value
        own.write_text(f"fit_biases = {value}\n{recipe.read_text()}")
        words = ["--data", random_npz, "--recipe", own, "--out", out, "--limit", FEW]
        assert cli.main(["train", *map(str, words), "--threads", "1"]) == 0
        kept.append(weights(out))
    plain, shifted = kept
    assert plain.pop(LAST).numpy() != pytest.approx(shifted.pop(LAST).numpy(), abs=1e-3)
    assert all(torch.equal(plain[name], shifted[name]) for name in plain)
