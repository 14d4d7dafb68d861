"""Wraps LiteRT's interpreter: converts its errors, and real values to and from its tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from converter.errors import ConversionError
from converter.quiet import quiet

Floats = npt.NDArray[np.float32]
THREADS = 2

FILE_IDENTIFIER = b"TFL3"
"""At byte 4 of every TFLite file, by the schema's file_identifier."""


def load_interpreter(model: bytes, *, keep_tensors: bool = False) -> Any:
    """Return an interpreter of `model`, ready to be invoked.

    With `keep_tensors` each operator is computed by itself, by XNNPACK where it has it, and what
    it makes can be read afterwards. Raises ConversionError when the runtime refuses the model.
    """
    check_identifier(model)
    try:
        with quiet():  # that keeping every tensor takes memory, that XNNPACK is there
            interpreter = Interpreter(
                model_content=model,
                num_threads=THREADS,
                experimental_preserve_all_tensors=keep_tensors,
            )
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as exc:
        raise ConversionError(f"not a TFLite model: {str(exc).splitlines()[0]}") from exc
    return interpreter


def check_identifier(model: bytes) -> None:
    """Raise ConversionError unless `model` begins as a TFLite file does."""
    if model[4:8] != FILE_IDENTIFIER:
        raise ConversionError("not a TFLite model")


def stored(values: Floats, tensor: dict[str, Any]) -> npt.NDArray[Any]:
    """Return real values in the type of the tensor with these details, rounded and saturated."""
    if not is_quantized(tensor):
        return values
    scale, zero_point = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    nearest: npt.NDArray[Any] = np.rint(values / np.float32(scale)) + zero_point
    return nearest.clip(limits.min, limits.max).astype(tensor["dtype"])


def real(values: npt.NDArray[Any], tensor: dict[str, Any]) -> Floats:
    """Return the real values of the tensor with these details."""
    if not is_quantized(tensor):
        return np.asarray(values, np.float32)
    scale, zero_point = tensor["quantization"]
    return np.asarray((values.astype(np.float32) - zero_point) * np.float32(scale))


def is_quantized(tensor: dict[str, Any]) -> bool:
    """Return whether the tensor's integers stand for real values."""
    scale, _ = tensor["quantization"]
    return bool(scale)
