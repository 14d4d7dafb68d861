"""The model in the repository: what it is, what its manifest says, what the integers cost."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.dataset import LABELS, Split, load_dataset
from converter.evaluate import TfliteClassifier, accuracy, load_classifier
from converter.integer import RECIPE, check_full_integer
from converter.manifest import sha256
from converter.passes import PASS_NAMES

pytestmark = pytest.mark.converter

MOST_BYTES = 8_500_000
MOST_LOST = 0.005  # half a point

KEYS = {
    "": [
        *("format", "model", "labels", "input", "output", "face_crop"),
        *("quantization", "source", "metrics", "tools"),
    ],
    "model": ["file", "sha256", "size_bytes"],
    "input": ["shape", "dtype", "scale", "zero_point", "colour", "mean", "std"],
    "output": ["shape", "dtype", "scale", "zero_point", "activation"],
    "face_crop": ["left_eye", "right_eye", "box_side", "box_shift_y"],
    "quantization": ["recipe", "calibration_pictures", "seed", "passes"],
    "source": ["file", "sha256"],
    "metrics": ["public_test", "private_test"],
    "tools": ["torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert"],
}


@pytest.fixture(scope="module")
def facts(shipped_model):
    return json.loads(shipped_model.with_suffix(".json").read_text())


@pytest.fixture(scope="module")
def content(shipped_model):
    return shipped_model.read_bytes()


def test_the_manifest_has_these_keys_and_no_others(facts):
    for part, keys in KEYS.items():
        assert list(facts[part] if part else facts) == keys
    for split in facts["metrics"].values():
        assert list(split) == ["pictures", "float32_accuracy", "int8_accuracy"]


def test_the_manifest_speaks_for_the_file(facts, content, shipped_model):
    assert facts["model"] == {
        "file": shipped_model.name,
        "sha256": sha256(content),
        "size_bytes": len(content),
    }


def test_the_manifest_says_what_the_tensors_are(facts, content):
    model = TfliteClassifier(content)
    for said, tensor in ((facts["input"], model.input), (facts["output"], model.output)):
        scale, zero_point = tensor["quantization"]
        assert said["shape"] == tensor["shape"].tolist()
        assert said["dtype"] == "int8" == np.dtype(tensor["dtype"]).name
        assert np.float32(said["scale"]) == np.float32(scale)
        assert said["zero_point"] == zero_point


def test_no_two_pixels_apart_share_a_number(facts):
    pixels = (np.arange(256) - facts["input"]["mean"]) / facts["input"]["std"]
    stored = pixels / facts["input"]["scale"] + facts["input"]["zero_point"]
    assert len(set(np.rint(stored).clip(-128, 127))) == 255  # the two about the middle meet
    assert np.abs(stored % 1 - 0.5).min() > 1e-3  # no tie, to be rounded either way


def test_the_manifest_says_how_it_was_made(facts):
    assert facts["labels"] == list(LABELS)
    assert facts["quantization"]["recipe"] == RECIPE
    assert facts["quantization"]["passes"] == list(PASS_NAMES)


def test_the_model_is_small_and_full_integer(content):
    assert len(content) <= MOST_BYTES
    check_full_integer(content)


def test_it_was_made_from_the_checkpoint(facts, checkpoint):
    assert facts["source"]["sha256"] == sha256(checkpoint.read_bytes())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_integers_cost_less_than_half_a_point(facts, shipped_model, checkpoint, fer2013):
    faces = load_dataset(fer2013).part(Split.PUBLIC)
    before = accuracy(load_classifier(checkpoint), faces)
    after = accuracy(load_classifier(shipped_model), faces)
    assert before.pictures == after.pictures == 3585
    assert after.share >= before.share - MOST_LOST
    said = facts["metrics"]["public_test"]
    # Another processor's kernels may round a few pictures to another label.
    assert said["float32_accuracy"] == pytest.approx(before.share, abs=0.001)
    assert said["int8_accuracy"] == pytest.approx(after.share, abs=0.002)
