"""Describes a TFLite file: its size, its operators, and its XNNPACK partitions."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from converter.errors import ConversionError
from converter.interpreter import check_identifier, load_interpreter

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
INTEGERS = {schema.TensorType.INT8, schema.TensorType.INT32}
"""The tensor types of a full-integer model: values, weights, biases and shapes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFacts:
    """`operators` by kind, the most frequent first; `xnnpack_partitions` on this machine.

    `multiplications` are those of the convolutions and of fully connected layers.

    One partition is the aim: between two of them, XNNPACK hands every tensor back to TFLite.
    """

    size_bytes: int
    operators: dict[str, int]
    xnnpack_partitions: int
    multiplications: int


def graph_facts(model: bytes) -> GraphFacts:
    """Return the structure of `model`. Raises ConversionError when it is not a TFLite model."""
    return GraphFacts(
        size_bytes=len(model),
        operators=dict(Counter(operator_kinds(model)).most_common()),
        xnnpack_partitions=xnnpack_partitions(model),
        multiplications=multiplications(model),
    )


def read_graph(model: bytes) -> Any:
    """Return the model's flatbuffer as LiteRT's ModelT. Raises ConversionError."""
    check_identifier(model)
    try:
        return flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    except (ValueError, TypeError, IndexError, AttributeError, struct.error) as exc:
        raise ConversionError("not a whole TFLite model") from exc


def operator_kinds(model: bytes) -> list[str]:
    """Return the kind of each operator, such as CONV_2D, in the order of execution."""
    tree = read_graph(model)
    return [
        str(flatbuffer_utils.opcode_to_name(tree, operator.opcodeIndex))
        for operator in tree.subgraphs[0].operators
    ]


def tensor_makers(model: bytes) -> dict[str, str]:
    """Return, for each tensor that an operator makes, that operator's kind, in their order."""
    graph = read_graph(model).subgraphs[0]
    return {
        graph.tensors[index].name.decode(): kind
        for kind, operator in zip(operator_kinds(model), graph.operators, strict=True)
        for index in operator.outputs
    }


def xnnpack_partitions(model: bytes) -> int:
    """Return in how many pieces XNNPACK takes the model. Raises ConversionError."""
    interpreter = load_interpreter(model)
    # Each piece is appended to the operators as one more node.
    nodes = [node["op_name"] for node in interpreter._get_ops_details()]
    return nodes.count("DELEGATE")


def multiplications(model: bytes) -> int:
    """Return the multiplications of one run of `model`: each output value by its weights."""
    graph = read_graph(model).subgraphs[0]
    total = 0
    for kind, operator in zip(operator_kinds(model), graph.operators, strict=True):
        if kind in WEIGHTED:
            weights = graph.tensors[operator.inputs[1]].shape
            # A depthwise kernel is (1, H, W, channels), others (outputs, ...).
            each = weights[1] * weights[2] if kind == "DEPTHWISE_CONV_2D" else prod(weights[1:])
            total += int(prod(graph.tensors[operator.outputs[0]].shape) * each)
    return total


def check_full_integer(model: bytes) -> None:
    """Raise ConversionError unless every tensor is an integer and those at the ends are int8."""
    for subgraph in read_graph(model).subgraphs:
        ends = {*subgraph.inputs, *subgraph.outputs}
        for index, tensor in enumerate(subgraph.tensors):
            allowed = {schema.TensorType.INT8} if index in ends else INTEGERS
            if tensor.type not in allowed:
                raise ConversionError(
                    f"the converted model is not full-integer: tensor {tensor.name.decode()!r} "
                    f"is {flatbuffer_utils.type_to_name(tensor.type)}; "
                    "the recipe dynamic_wi8 or float32 would take it"
                )
