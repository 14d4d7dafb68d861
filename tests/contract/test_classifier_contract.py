"""The device and the desktop get the same probabilities from the same model and samples."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.evaluation.classifiers import load_classifier
from edge.config import load_config
from edge.models import model_path
from edge.vision.classifier import EmotionClassifier
from edge.vision.manifest import load_model

pytestmark = pytest.mark.converter


@pytest.fixture(scope="module")
def shipped() -> Path:
    return model_path(load_config())


def test_both_sides_compute_the_same_probabilities(shipped: Path) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (40, 48, 48), np.uint8)
    samples[:20] = np.sort(samples[:20], axis=1)  # slopes, which are surer to be something
    network, manifest = load_model(shipped, threads=2)
    device = EmotionClassifier(network, manifest)
    on_device = device.probabilities([np.dstack([one] * 3) for one in samples])
    on_desktop = load_classifier(shipped).probabilities(samples)
    np.testing.assert_allclose(on_device, on_desktop, atol=1e-6)
    assert len(set(on_desktop.argmax(axis=1))) > 1
