import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.config import load_config
from edge.errors import ModelError
from edge.models import MODEL_NAME, model_path
from edge.vision.blazeface import find_network
from edge.vision.classifier import EmotionClassifier
from edge.vision.manifest import load_model, read_manifest

SHIPPED = model_path(load_config())


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A copy of the shipped model with its manifest."""
    for path in (SHIPPED, SHIPPED.with_suffix(".json")):
        shutil.copy(path, tmp_path)
    return tmp_path / MODEL_NAME


def edit(pair: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = pair.with_suffix(".json")
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def test_the_shipped_model_loads_and_is_full_integer() -> None:
    network, manifest = load_model(SHIPPED, threads=1)
    assert network.inputs[0].dtype == network.outputs[0].dtype == np.int8
    assert network.inputs[0].shape == (1, 48, 48, 1)
    assert ",".join(manifest.labels) == "angry,disgust,fear,happy,sad,surprise,neutral"


def test_probabilities_are_the_manifests_arithmetic() -> None:
    network, manifest = load_model(SHIPPED, threads=1)
    face = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)

    (probs,) = EmotionClassifier(network, manifest).probabilities([np.dstack([face] * 3)])

    real = (face.astype(np.float64) - manifest.input.mean) / manifest.input.std
    steps = np.rint(real / manifest.input.scale) + manifest.input.zero_point
    (raw,) = network(steps.clip(-128, 127).astype(np.int8).reshape(1, 48, 48, 1))
    logits = (raw[0].astype(np.float64) - manifest.output.zero_point) * manifest.output.scale
    assert manifest.output.temperature != 1
    powers = np.exp(logits / manifest.output.temperature)
    assert probs == pytest.approx(powers / powers.sum(), abs=1e-5)
    assert probs.sum() == pytest.approx(1)


def drop(*keys: str) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        *path, last = keys
        for key in path:
            manifest = manifest[key]
        del manifest[last]

    return change


def put(value: Any, *keys: str) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        *path, last = keys
        for key in path:
            manifest = manifest[key]
        manifest[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (put(2, "format"), "not a manifest of format 1"),
        (drop("labels"), "missing required field `labels`"),
        (put(["a"] * 7, "labels"), "a label occurs twice"),
        (put(["a", "b"], "labels"), "2 labels for 7 outputs"),
        (put("x", "surprise_me"), "unknown field `surprise_me`"),
        (put("cmyk", "input", "colour"), "input.colour"),
        (put("rgb", "input", "colour"), "rgb images cannot have 1 channels"),
        (put(0.5, "input", "scale"), "the input's scale is"),
        (put(3, "input", "zero_point"), "the input's zero point is"),
        (put("uint8", "input", "dtype"), "the input's dtype is int8"),
        (put([1, 64, 64, 1], "input", "shape"), "the input's shape is (1, 48, 48, 1)"),
        (put([1, 48, 64, 1], "input", "shape"), "must be square"),
        (put(0.0, "input", "std"), "input.std"),
        (put(0.5, "output", "scale"), "the output's scale is"),
        (put("uint8", "output", "dtype"), "the output's dtype is int8"),
        (put("scores", "output", "activation"), "output.activation"),
        (put([0.9, 0.4], "face_crop", "left_eye"), "not left of the right eye"),
        (put(1.5, "face_crop", "box_side"), "face_crop.box_side"),
        (put("0" * 64, "model", "sha256"), "damaged or was replaced"),
        (put("other.tflite", "model", "file"), "describes another file, other.tflite"),
        (put(1, "model", "size_bytes"), "bytes"),
        (put(1.2, "metrics", "public_test", "accuracy"), "accuracy"),
        (put("none", "source", "sha256"), "source.sha256"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_in_one_line(
    pair: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    edit(pair, change)
    with pytest.raises(ModelError) as refusal:
        load_model(pair, threads=1)
    assert complaint in str(refusal.value)
    assert pair.stem in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_another_network_in_the_models_place_is_refused(pair: Path) -> None:
    shutil.copy(find_network("face_landmark.tflite"), pair)
    with pytest.raises(ModelError, match="damaged or was replaced"):
        load_model(pair, threads=1)


def test_another_network_is_refused_even_with_its_own_checksum(pair: Path) -> None:
    content = find_network("face_landmark.tflite").read_bytes()
    pair.write_bytes(content)
    edit(pair, put(hashlib.sha256(content).hexdigest(), "model", "sha256"))
    edit(pair, put(len(content), "model", "size_bytes"))
    with pytest.raises(ModelError, match="one input and one output"):
        load_model(pair, threads=1)


def test_a_truncated_model_is_refused(pair: Path) -> None:
    pair.write_bytes(pair.read_bytes()[:100_000])
    with pytest.raises(ModelError, match=f"{MODEL_NAME}: .*damaged"):
        load_model(pair, threads=1)


@pytest.mark.parametrize("garbage", [b"", b"{", b"\xff\xfe", b"[]", b"null"])
def test_a_manifest_that_is_no_manifest_is_refused(pair: Path, garbage: bytes) -> None:
    pair.with_suffix(".json").write_bytes(garbage)
    with pytest.raises(ModelError, match="not a manifest"):
        read_manifest(pair.with_suffix(".json"))


@pytest.mark.parametrize("suffix", [".json", ".tflite"])
def test_a_missing_half_is_named(pair: Path, suffix: str) -> None:
    pair.with_suffix(suffix).unlink()
    with pytest.raises(ModelError, match=f"{pair.stem}{suffix}: cannot read.*No such file"):
        load_model(pair, threads=1)


def test_no_shipped_model_says_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.models._MODEL_FOLDERS", (Path("/nowhere"),))
    with pytest.raises(ModelError, match=r"looked in /nowhere; set \[classifier\] model"):
        model_path(load_config())
