"""Makes a network take several samples at once, as the device does with several faces.

It is converted for one sample. LiteRT resizes every tensor to the input's number of samples, except
where a reshape states that there is one.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from converter.quantization.graph import read_graph

_ANY = -1


def for_batches(model: bytes) -> bytes:
    """Return `model` with reshapes that leave open how many samples there are.

    Raises ConversionError when it is not a TFLite model.
    """
    tree = read_graph(model)
    graph = tree.subgraphs[0]
    for operator in graph.operators:
        if flatbuffer_utils.opcode_to_name(tree, operator.opcodeIndex) == "RESHAPE":
            _leave_open(tree, graph, operator)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def _leave_open(tree: Any, graph: Any, operator: Any) -> None:
    if len(operator.inputs) != 2:
        return
    (source, target), (made,) = operator.inputs, operator.outputs
    stated = tree.buffers[graph.tensors[target].buffer].data
    if stated is None or graph.tensors[source].shape[0] != 1:
        return
    shape = np.frombuffer(bytes(stated), np.int32).copy()
    if shape.tolist() != list(graph.tensors[made].shape) or shape[0] != 1:
        return
    shape[0] = _ANY
    buffer, tensor = copy.copy(tree.buffers[0]), copy.copy(graph.tensors[target])
    buffer.data = np.frombuffer(shape.tobytes(), np.uint8)
    tensor.buffer = len(tree.buffers)
    operator.inputs = [source, len(graph.tensors)]
    operator.builtinOptions = None  # it would state the shape, too
    tree.buffers.append(buffer)
    graph.tensors.append(tensor)
