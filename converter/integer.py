"""From a float TFLite model to a full-integer one: calibrate, quantize, prove it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils
from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager
from ai_edge_quantizer.utils.qsv_utils import min_max_update

from converter.errors import ConversionError
from converter.progress import progress
from converter.quiet import quiet

RECIPE = "static_wi8_ai8"
SIGNATURE = "serving_default"
INPUT_RANGE = (-128 / 127, 1.0)
"""Of `pixel / 127.5 - 1`: a scale of 1/127 about zero point 0. On the tighter -1..1 every pixel
would lie half-way between two integers, to be rounded either way."""

CONCAT_RANGE = (0.0, 1.0)
"""Of every channel after `passes.equalize_channels`."""

Ranges = dict[str, dict[str, Any]]
Floats = npt.NDArray[np.float32]


def quantized(float_model: bytes, pictures: Floats) -> bytes:
    """Return the full-integer int8 version of `float_model`.

    `pictures` float32 (N, 48, 48, 1) in -1..1 set the ranges. Raises ConversionError when
    anything but integers is left in the result.
    """
    ranges = _with_fixed_ranges(float_model, _measured_ranges(float_model, pictures))
    with quiet():
        result = quantizer.Quantizer(float_model, recipe.static_wi8_ai8()).quantize(
            ranges, enable_progress_bar=False, enable_progress_report=False
        )
    model = bytes(result.quantized_model)
    check_full_integer(model)
    return model


def check_full_integer(model: bytes) -> None:
    """Raise ConversionError unless every tensor is an integer and those at the ends are int8."""
    allowed = {schema.TensorType.INT8, schema.TensorType.INT32}
    for subgraph in flatbuffer_utils.read_model_from_bytearray(bytearray(model)).subgraphs:
        ends = {*subgraph.inputs, *subgraph.outputs}
        for index, tensor in enumerate(subgraph.tensors):
            if tensor.type not in ({schema.TensorType.INT8} if index in ends else allowed):
                raise ConversionError(
                    f"the converted model is not full-integer: tensor {tensor.name.decode()!r} "
                    f"is {flatbuffer_utils.type_to_name(tensor.type)}"
                )


def _measured_ranges(float_model: bytes, pictures: Floats) -> Ranges:
    """Return the least and greatest value of every tensor over all pictures.

    The quantizer's own moving average ends well inside them, and clips the logits.
    """
    rules = recipe_manager.RecipeManager()
    rules.load_quantization_recipe(recipe.static_wi8_ai8())
    with quiet():
        meter = calibrator.Calibrator(float_model, qsv_update_func=min_max_update)
    for picture in progress(pictures, "Calibrating", total=len(pictures)):
        with quiet():
            meter.calibrate({SIGNATURE: [{"args_0": picture[None]}]}, rules)
    ranges: Ranges = meter.get_model_qsvs()
    return ranges


def _with_fixed_ranges(float_model: bytes, measured: Ranges) -> Ranges:
    """Return the ranges with those of the input and the concats set to what is known of them."""
    ranges = dict(measured)
    for name, (low, high) in _fixed_ranges(float_model):
        shape = measured[name]["min"].shape
        ranges[name] = {
            "min": np.full(shape, low, np.float32),
            "max": np.full(shape, high, np.float32),
        }
    return ranges


def _fixed_ranges(float_model: bytes) -> Iterator[tuple[str, tuple[float, float]]]:
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(float_model))
    graph = tree.subgraphs[0]

    def names(tensors: Iterable[int]) -> list[str]:
        return [graph.tensors[index].name.decode() for index in tensors]

    yield from ((name, INPUT_RANGE) for name in names(graph.inputs))
    for operator in graph.operators:
        kind = flatbuffer_utils.opcode_to_name(tree, operator.opcodeIndex)
        if kind == "PAD":  # the stem's, which keeps the scale of what it pads
            yield from ((name, INPUT_RANGE) for name in names(operator.outputs))
        elif kind == "CONCATENATION":
            both = [*operator.inputs, *operator.outputs]
            yield from ((name, CONCAT_RANGE) for name in names(both))
