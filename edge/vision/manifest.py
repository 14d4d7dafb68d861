"""The model's manifest: a description of the network, checked before it is used.

The converter writes it to the folder of the .tflite. It is the only thing that the packages share.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from edge.errors import ModelError
from edge.files import read_file
from edge.vision.model_trial import require_runs
from edge.vision.runtime import MAX_MODEL_BYTES, Network, TensorSpec

FORMAT = 1

MAX_MANIFEST_BYTES = 1_000_000

# "gt=0" would be stored as the least subnormal number. That equals zero where a library in the same
# process flushes subnormal numbers, and the check would have no effect.
LEAST = 1e-9
MOST = 1e9  # far below the largest float32

Share = Annotated[float, msgspec.Meta(ge=LEAST, lt=1.0)]
Point = tuple[Share, Share]
Size = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]
Positive = Annotated[float, msgspec.Meta(ge=LEAST, le=MOST)]
Scale = Annotated[float, msgspec.Meta(ge=0.0, le=MOST)]
Offset = Annotated[float, msgspec.Meta(ge=-MOST, le=MOST)]
ZeroPoint = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]
Accuracy = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the manifest: unknown keys are refused."""


class ModelFile(Part, frozen=True):
    """The .tflite that the manifest describes."""

    file: str
    sha256: Sha256
    size_bytes: Size


class InputTensor(Part, frozen=True):
    """real = (pixel - mean) / std, quantized by scale and zero point where dtype is an integer."""

    shape: tuple[Literal[1], Size, Size, Literal[1, 3]]
    dtype: Literal["int8", "uint8", "float32"]
    scale: Scale
    zero_point: ZeroPoint
    colour: Literal["gray", "rgb"]
    mean: Offset
    std: Positive


class OutputTensor(Part, frozen=True):
    """One number per label: logits, for softmax(logits / temperature), or probabilities."""

    shape: tuple[Literal[1], Size]
    dtype: Literal["int8", "uint8", "float32"]
    scale: Scale
    zero_point: ZeroPoint
    activation: Literal["logits", "probabilities"]
    temperature: Positive


class FaceCrop(Part, frozen=True):
    """The position of the face in the training samples, in shares of the crop; see align.py."""

    left_eye: Point
    right_eye: Point
    box_side: Share
    box_shift_y: Annotated[float, msgspec.Meta(gt=-1.0, lt=1.0)]


class Quantization(Part, frozen=True):
    """How the model was quantized."""

    recipe: str
    ranges: str
    calibration_pictures: int
    seed: int
    passes: list[str]


class Source(Part, frozen=True):
    """The float checkpoint that the model was converted from."""

    file: str
    sha256: Sha256


class SplitMetrics(Part, frozen=True):
    """Accuracy of the float weights and of the model itself on one split of FER2013.

    `ece` is the expected calibration error of the model's probabilities.
    """

    pictures: Size
    float32_accuracy: Accuracy
    accuracy: Accuracy
    macro_f1: Accuracy
    ece: Accuracy


class Metrics(Part, frozen=True):
    """Accuracy on the split for model selection and on the one for reporting."""

    public_test: SplitMetrics
    private_test: SplitMetrics


class Manifest(Part, frozen=True):
    """Everything that the device needs to use a model."""

    format: Literal[1]
    model: ModelFile
    labels: Annotated[list[str], msgspec.Meta(min_length=2)]
    input: InputTensor
    output: OutputTensor
    face_crop: FaceCrop
    quantization: Quantization
    source: Source
    metrics: Metrics | None
    tools: dict[str, str]


def load_model(model: Path, *, threads: int, on_trial: bool = False) -> tuple[Network, Manifest]:
    """Load a .tflite and its manifest, and check that they match.

    With `on_trial` the network first runs in a process of its own, which it may crash. Raises
    ModelError, whose one line names the file, the value and what was expected.
    """
    manifest = read_manifest(model.with_suffix(".json"))
    try:
        content = read_file(model, limit_bytes=MAX_MODEL_BYTES)
    except OSError as exc:
        raise ModelError(f"{model}: cannot read the model: {exc.strerror}") from exc
    _check_file(model, content, manifest.model)
    if on_trial:
        require_runs(str(model), content)
    network = Network(content, threads=threads)
    _check_tensors(model, network, manifest)
    return network, manifest


def read_manifest(path: Path) -> Manifest:
    """Return the manifest at `path`. Raises ModelError when it is missing or malformed."""
    try:
        encoded = read_file(path, limit_bytes=MAX_MANIFEST_BYTES)
        manifest = msgspec.json.decode(encoded, type=Manifest)
    except OSError as exc:
        raise ModelError(f"{path}: cannot read the model's manifest: {exc.strerror}") from exc
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        raise ModelError(f"{path}: not a manifest of format {FORMAT}: {exc}") from exc
    _check_self(path, manifest)
    return manifest


def _check_self(path: Path, manifest: Manifest) -> None:
    labels = manifest.labels
    channels = {"gray": 1, "rgb": 3}[manifest.input.colour]
    (left_x, _), (right_x, _) = manifest.face_crop.left_eye, manifest.face_crop.right_eye
    for fits, complaint in (
        (len(set(labels)) == len(labels), f"a label occurs twice: {labels}"),
        (
            manifest.output.shape[1] == len(labels),
            f"{len(labels)} labels for {manifest.output.shape[1]} outputs",
        ),
        (
            manifest.input.shape[3] == channels,
            f"{manifest.input.colour} images cannot have {manifest.input.shape[3]} channels",
        ),
        (
            manifest.input.shape[1] == manifest.input.shape[2],
            f"the input must be square, but is {manifest.input.shape}",
        ),
        (left_x < right_x, f"left eye at x {left_x} is not left of the right eye at {right_x}"),
    ):
        if not fits:
            raise ModelError(f"{path}: {complaint}")


def _check_file(path: Path, content: bytes, expected: ModelFile) -> None:
    if path.name != expected.file:
        raise ModelError(f"{path}: its manifest describes another file, {expected.file}")
    if len(content) != expected.size_bytes:
        raise ModelError(
            f"{path}: {len(content)} bytes, but its manifest states {expected.size_bytes}: "
            "the model is damaged or was replaced; install both files again"
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected.sha256:
        raise ModelError(
            f"{path}: sha256 {digest[:12]}... is not the manifest's {expected.sha256[:12]}...: "
            "the model is damaged or was replaced; install both files again"
        )


def _check_tensors(path: Path, network: Network, manifest: Manifest) -> None:
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise ModelError(f"{path}: expected one input and one output tensor")
    for side, spec, expected in (
        ("input", network.inputs[0], manifest.input),
        ("output", network.outputs[0], manifest.output),
    ):
        for name, actual, wanted in _differences(spec, expected):
            raise ModelError(
                f"{path}: the {side}'s {name} is {actual}, but its manifest states {wanted}"
            )


def _differences(
    spec: TensorSpec, expected: InputTensor | OutputTensor
) -> list[tuple[str, Any, Any]]:
    """Return (name, actual, wanted) for each property of a tensor that differs."""
    pairs = (
        ("shape", spec.shape, tuple(expected.shape)),
        ("dtype", spec.dtype.name, expected.dtype),
        ("scale", np.float32(spec.scale), np.float32(expected.scale)),
        ("zero point", spec.zero_point, expected.zero_point),
    )
    return [(name, actual, wanted) for name, actual, wanted in pairs if actual != wanted]
