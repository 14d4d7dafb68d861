"""The model's manifest: everything the device needs to use the network, and its origin.

The one thing that the desktop and the device share; the device refuses unknown keys.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from converter.data.dataset import LABELS

FORMAT = 1
TOOLS = ("torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """The .tflite that the manifest describes."""

    file: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InputTensor:
    """real = (pixel - mean) / std; stored = real / scale + zero_point."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int
    colour: str = "gray"
    mean: float = 127.5
    std: float = 127.5


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTensor:
    """real = (stored - zero_point) * scale: logits, for softmax(real / temperature)."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int
    activation: str = "logits"
    temperature: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceCrop:
    """Where FER2013's samples have the eyes and the detector's box, in shares of the sample.

    Medians over the samples in which BlazeFace finds a face. Left and right as seen.
    """

    left_eye: tuple[float, float] = (0.318, 0.39)
    right_eye: tuple[float, float] = (0.686, 0.39)
    box_side: float = 0.85
    box_shift_y: float = -0.08


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """How the model was quantized."""

    recipe: str
    ranges: str
    calibration_pictures: int
    seed: int
    passes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The float weights."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitMetrics:
    """Accuracy 0..1 before and after quantization over a whole split; the rest after.

    `ece` is the expected calibration error, 0..1, at the manifest's temperature.
    """

    pictures: int
    float32_accuracy: float
    accuracy: float
    macro_f1: float
    ece: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The split to select on and the split to report."""

    public_test: SplitMetrics
    private_test: SplitMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that models/*.json holds."""

    format: int = FORMAT
    model: ModelFile
    labels: tuple[str, ...] = LABELS
    input: InputTensor
    output: OutputTensor
    face_crop: FaceCrop = FaceCrop()
    quantization: Quantization
    source: Source
    metrics: Metrics | None
    tools: dict[str, str]

    def to_json(self) -> str:
        """Return the manifest as an indented JSON text."""
        return json.dumps(asdict(self), indent=2) + "\n"


def model_file(name: str, content: bytes) -> ModelFile:
    """Return the identification of a model's file."""
    return ModelFile(file=name, sha256=sha256(content), size_bytes=len(content))


def source(path: Path) -> Source:
    """Return the identification of the checkpoint at `path`."""
    return Source(file=path.name, sha256=sha256(path.read_bytes()))


def tensor_facts(details: dict[str, Any]) -> dict[str, Any]:
    """Return shape, dtype, scale and zero point of an interpreter's tensor details.

    The scale is the float32 itself, written so that it reads back to the same float32.
    """
    scale, zero_point = details["quantization"]
    return {
        "shape": tuple(int(n) for n in details["shape"]),
        "dtype": details["dtype"].__name__,
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def tool_versions() -> dict[str, str]:
    """Return the versions of the converting packages."""
    return {name: version(name) for name in TOOLS}


def sha256(content: bytes) -> str:
    """Return the digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
