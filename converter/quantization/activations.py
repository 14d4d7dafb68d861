"""Reads every tensor between a TFLite model's operators, for ranges and for the SNR."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from converter.interpreter import is_quantized, load_interpreter, real, stored
from converter.quantization.graph import read_graph

Floats = npt.NDArray[np.float32]


class Activations:
    """A model of one input whose inner tensors can be read."""

    def __init__(self, model: bytes) -> None:
        """Load `model`. Raises ConversionError when it is not a TFLite model."""
        graph = read_graph(model).subgraphs[0]
        self._interpreter = load_interpreter(model, keep_tensors=True)
        (self._input,) = self._interpreter.get_input_details()
        made = {*graph.inputs, *(index for op in graph.operators for index in op.outputs)}
        self._tensors = [
            tensor
            for tensor in self._interpreter.get_tensor_details()
            if tensor["index"] in made and (tensor["dtype"] == np.float32 or is_quantized(tensor))
        ]

    def __call__(self, sample: Floats) -> Iterator[tuple[str, Floats]]:
        """Run the model and yield the name and the real values, float32, of each tensor.

        `sample` float32 (1, H, W, C), as the model takes it or would before quantization.
        """
        self._interpreter.set_tensor(self._input["index"], stored(sample, self._input))
        self._interpreter.invoke()
        for tensor in self._tensors:
            yield tensor["name"], real(self._interpreter.get_tensor(tensor["index"]), tensor)
