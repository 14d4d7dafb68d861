"""Imports a user's float .tflite: finds its inputs and outputs, and checks that they fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from converter.data.dataset import LABELS, Images
from converter.errors import ConversionError, UsageError
from converter.interpreter import load_interpreter
from converter.preprocessing import CHANNELS, Preparation
from converter.quantization.float_model import FloatModel, known_input
from converter.quantization.graph import read_graph

Floats = npt.NDArray[np.float32]

FLOAT_MODEL = {
    schema.TensorType.FLOAT32,
    schema.TensorType.INT32,
    schema.TensorType.INT64,
    schema.TensorType.BOOL,
}
"""The tensor types of a float model: values, weights, shapes, axes and conditions."""

LOOKS = 8
"""The samples that distinguish logits from probabilities."""

SUM_TOLERANCE = 1e-3
"""Of a softmax in float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The properties that the file does not state; None where they are to be detected."""

    colour: str | None = None
    mean: float = 127.5
    std: float = 127.5
    activation: str | None = None
    labels: tuple[str, ...] = LABELS


def foreign_model(path: Path, described: Description) -> FloatModel:
    """Return the float TFLite model at `path`, taken to answer with logits.

    Raises ConversionError when it is missing, no TFLite model, quantized already, or no
    classifier of one square sample; UsageError when `described` contradicts it.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise ConversionError(f"{path}: cannot read the model: {exc.strerror}") from exc
    try:
        interpreter = load_interpreter(content)  # which verifies the file
        _check_float(content)
        side_px, channels = _ends(interpreter, described.labels)
        preparation = _preparation(described, side_px, channels)
        known = known_input(content, preparation)
    except (ConversionError, UsageError) as exc:
        raise type(exc)(f"{path}: {exc}") from exc
    return FloatModel(
        content=content,
        preparation=preparation,
        labels=described.labels,
        activation="logits",
        known=known,
        passes=(),
    )


def with_activation(model: FloatModel, said: str | None, faces: Images) -> FloatModel:
    """Return the model with its activation, which shows in what it answers to `faces`.

    `faces` uint8 (N, 48, 48). Raises ConversionError when the answers are no numbers, UsageError
    when they are not what was `said`.
    """
    outputs = model.classifier(model.content)(faces[:LOOKS])
    if not np.isfinite(outputs).all():
        raise ConversionError("the model's output is not a number: check --mean and --std")
    seen = "probabilities" if _sum_to_one(outputs) else "logits"
    if said not in {None, seen}:
        least, greatest = outputs.min(), outputs.max()
        raise UsageError(
            f"--activation {said}: the outputs are {seen}, {least:.3g} to {greatest:.3g}"
        )
    return replace(model, activation=seen)


def _check_float(content: bytes) -> None:
    tree = read_graph(content)
    if len(tree.subgraphs) != 1:
        raise ConversionError(f"it has {len(tree.subgraphs)} subgraphs, expected one, no branches")
    for tensor in tree.subgraphs[0].tensors:
        if tensor.type not in FLOAT_MODEL:
            kind = flatbuffer_utils.type_to_name(tensor.type)
            raise ConversionError(
                f"it is quantized already: tensor {tensor.name.decode()!r} is {kind}; "
                "bring the float32 model"
            )


def _ends(interpreter: Any, labels: tuple[str, ...]) -> tuple[int, int]:
    """Return the side and the channels of the sample that the model takes."""
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise ConversionError(
            f"inputs: {len(inputs)}, outputs: {len(outputs)}; expected one of each"
        )
    _check_answer(outputs[0], labels)
    return _sample(inputs[0])


def _sample(tensor: dict[str, Any]) -> tuple[int, int]:
    shape = tuple(map(int, tensor["shape"]))
    free = [int(n) < 0 for n in tensor["shape_signature"]]
    if any(free[1:]):
        raise ConversionError("its input has no fixed size: export it with an input_shape")
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in CHANNELS.values():
        raise ConversionError(
            f"its input is {shape}, expected one sample, channels last: (1, S, S, 1 or 3)"
        )
    _, height, width, channels = shape
    if height != width:
        raise ConversionError(f"its input is {shape}, but the device makes square samples")
    return width, channels


def _check_answer(tensor: dict[str, Any], labels: tuple[str, ...]) -> None:
    shape = tuple(map(int, tensor["shape"]))
    if shape != (1, len(labels)):
        raise ConversionError(
            f"its output is {shape}, expected (1, {len(labels)}), one for each of "
            f"{', '.join(labels)}"
        )


def _preparation(described: Description, side_px: int, channels: int) -> Preparation:
    colours = {count: colour for colour, count in CHANNELS.items()}
    colour = described.colour or colours[channels]
    if CHANNELS[colour] != channels:
        raise UsageError(f"--colour {colour}: the model takes {channels} channels")
    return Preparation(side_px=side_px, colour=colour, mean=described.mean, std=described.std)


def _sum_to_one(outputs: Floats) -> bool:
    sums = outputs.sum(axis=1)
    return bool((outputs >= 0).all() and (np.abs(sums - 1) < SUM_TOLERANCE).all())
