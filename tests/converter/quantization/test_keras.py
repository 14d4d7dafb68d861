"""A Keras model, the kind that most people bring: from TensorFlow's exporter to our device."""

import subprocess

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter import cli
from converter.quantization.graph import check_full_integer
from edge.vision.classifier import EmotionClassifier
from edge.vision.manifest import load_model

pytestmark = [pytest.mark.converter, pytest.mark.slow, pytest.mark.timeout(1800)]

PACKAGE = "tensorflow-cpu>=2.16"

PROGRAM = """
import sys
import tensorflow as tf

tf.keras.utils.set_random_seed(0)
net = tf.keras.applications.DenseNet121(weights=None, input_shape=(224, 224, 3), classes=7)
converter = tf.lite.TFLiteConverter.from_keras_model(net)
open(sys.argv[1], "wb").write(converter.convert())
"""


@pytest.fixture(scope="session")
def tensorflow_python(environment):
    return environment("tensorflow", PACKAGE)


@pytest.fixture(scope="module")
def keras_model(tensorflow_python, tmp_path_factory):
    """DenseNet121 as keras.applications has it, with random weights, as float TFLite."""
    path = tmp_path_factory.mktemp("keras") / "densenet121.tflite"
    subprocess.run(
        [tensorflow_python, "-c", PROGRAM, path], check=True, capture_output=True, timeout=900
    )
    return path


def test_a_keras_densenet_is_quantized_and_the_device_runs_it(
    keras_model, random_npz, tmp_path, capsys
):
    out = tmp_path / "int8.tflite"
    words = ["quantize", str(keras_model), "--data", str(random_npz), "--out", str(out)]
    assert cli.main([*words, "--calibration", "4", "--mean", "0", "--std", "255"]) == 0
    assert "PrivateTest: float" in capsys.readouterr().out
    check_full_integer(out.read_bytes())
    assert out.stat().st_size < keras_model.stat().st_size / 3
    network, manifest = load_model(out, threads=2)
    assert manifest.input.shape == (1, 224, 224, 3)
    assert manifest.output.activation == "probabilities"
    device = EmotionClassifier(network, manifest)
    faces = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    together = device.probabilities(list(faces))
    alone = [device.probabilities([face])[0] for face in faces]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert together.shape == (2, 7)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=0.03)
