"""Models from files: what their manifests say is done, and others are refused."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.data.labels import LABELS
from converter.errors import ConversionError
from converter.evaluation.classifiers import TfliteClassifier, load_classifier
from converter.evaluation.metrics import softmax
from converter.preprocessing import Preparation

pytestmark = pytest.mark.converter


@pytest.fixture
def model(shipped_model, tmp_path):
    """A copy of the shipped model and its manifest, to be changed."""
    path = tmp_path / "m.tflite"
    shutil.copy(shipped_model, path)
    shutil.copy(shipped_model.with_suffix(".json"), path.with_suffix(".json"))
    return path


def change(model, **changes):
    manifest = model.with_suffix(".json")
    facts = json.loads(manifest.read_text())
    for name, value in changes.items():
        part, _, key = name.partition("_")
        if key:
            facts[part][key] = value
        else:
            facts[part] = value
    manifest.write_text(json.dumps(facts))


def test_the_temperature_divides_the_logits(model, random_faces):
    images = random_faces.images[:5]
    logits = TfliteClassifier(model.read_bytes())(images)
    for temperature in (1.0, 2.5):
        change(model, output_temperature=temperature)
        expected = softmax(logits / np.float32(temperature))
        np.testing.assert_array_equal(load_classifier(model).probabilities(images), expected)


def test_probabilities_are_left_alone(model, random_faces):
    change(model, output_activation="probabilities")
    images = random_faces.images[:3]
    answers = TfliteClassifier(model.read_bytes())(images)
    np.testing.assert_array_equal(load_classifier(model).probabilities(images), answers)


def test_labels_in_another_order_are_put_in_ours(model, random_faces):
    images = random_faces.images[:3]
    ours = load_classifier(model).outputs(images)
    change(model, labels=list(reversed(LABELS)))
    np.testing.assert_array_equal(load_classifier(model).outputs(images), ours[:, ::-1])


def test_without_a_manifest_it_reads_images_as_ours_does(model, random_faces):
    with_one = load_classifier(model).outputs(random_faces.images[:2])
    model.with_suffix(".json").unlink()
    np.testing.assert_array_equal(load_classifier(model).outputs(random_faces.images[:2]), with_one)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"labels": ["joy", *LABELS[1:]]}, "its labels are joy, disgust"),
        ({"input_shape": [1, 64, 64, 1]}, "expected (1, 64, 64, 1) to (1, 7)"),
        ({"input_colour": "bgr"}, "`$.input.colour`"),
        ({"input_std": 0.0}, "`$.input.std`"),
        ({"output_temperature": -1.0}, "`$.output.temperature`"),
        ({"output": None}, "not the manifest of a model"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(changes, complaint, model):
    change(model, **changes)
    with pytest.raises(ConversionError) as caught:
        load_classifier(model)
    assert str(caught.value).startswith(f"{model}: ")
    assert complaint in str(caught.value)


def test_a_garbled_manifest_is_refused(model):
    model.with_suffix(".json").write_bytes(b"\xff{")
    with pytest.raises(ConversionError, match=r"m\.json: not the manifest of a model"):
        load_classifier(model)


def test_a_network_of_another_shape_is_refused(shipped_model):
    with pytest.raises(ConversionError, match="not an expression classifier: it maps"):
        TfliteClassifier(shipped_model.read_bytes(), Preparation(side_px=96, colour="rgb"))
