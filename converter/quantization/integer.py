"""From a float TFLite model to a quantized one, by a recipe and the ranges of its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils
from ai_edge_quantizer import quantizer

from converter.errors import ConversionError
from converter.quantization.calibration import Range
from converter.quantization.graph import check_full_integer, read_graph
from converter.quantization.recipes import Recipe
from converter.quiet import quiet

CONCAT_RANGE = (0.0, 1.0)
"""Of every channel after `passes.equalize_channels`."""


def quantized(float_model: bytes, recipe: Recipe, ranges: Mapping[str, Range]) -> bytes:
    """Return `float_model` quantized by `recipe`; a static one needs every tensor's range.

    Raises ConversionError when the quantizer cannot, or leaves anything but integers in the
    result of a static recipe.
    """
    if not recipe.rules:
        return float_model
    statistics = _statistics(float_model, ranges) if recipe.static else None
    try:
        with quiet():
            result = quantizer.Quantizer(float_model, recipe.rules).quantize(
                statistics, enable_progress_bar=False, enable_progress_report=False
            )
    except Exception as exc:  # the quantizer raises any exception
        reason = str(exc).strip().partition("\n")[0]
        raise ConversionError(f"{recipe.name} cannot quantize this network: {reason}") from exc
    model = bytes(result.quantized_model)
    if recipe.static:
        check_full_integer(model)
    return model


def input_tensors(float_model: bytes) -> list[str]:
    """Return the names of the input and of what pads it, which keeps its scale."""
    tree = read_graph(float_model)
    graph = tree.subgraphs[0]
    kept = list(graph.inputs)
    for operator in graph.operators:
        kind = flatbuffer_utils.opcode_to_name(tree, operator.opcodeIndex)
        if kind == "PAD" and operator.inputs[0] in kept:
            kept.extend(operator.outputs)
    return _names(graph, kept)


def concat_tensors(float_model: bytes) -> list[str]:
    """Return the names of all that concats read and write."""
    tree = read_graph(float_model)
    graph = tree.subgraphs[0]
    return [
        name
        for operator in graph.operators
        if flatbuffer_utils.opcode_to_name(tree, operator.opcodeIndex) == "CONCATENATION"
        for name in _names(graph, [*operator.inputs, *operator.outputs])
    ]


def _names(graph: Any, tensors: Iterable[int]) -> list[str]:
    return [graph.tensors[index].name.decode() for index in tensors]


def _statistics(float_model: bytes, ranges: Mapping[str, Range]) -> dict[str, dict[str, Any]]:
    """Return the ranges as the quantizer wants them: arrays that broadcast over the tensors."""
    dimensions = {
        tensor.name.decode(): len(tensor.shape)
        for tensor in read_graph(float_model).subgraphs[0].tensors
    }
    return {
        name: {
            "min": np.full((1,) * dimensions[name], low, np.float32),
            "max": np.full((1,) * dimensions[name], high, np.float32),
        }
        for name, (low, high) in ranges.items()
    }
