"""Converts between real numbers and the integers of a quantized tensor; pure functions.

real = (quantized - zero_point) * scale, as in the TFLite 8-bit quantization specification
(https://ai.google.dev/edge/litert/models/quantization_spec).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edge.datatypes import FloatArray


def quantize(
    real: FloatArray, *, scale: float, zero_point: int, dtype: npt.DTypeLike
) -> npt.NDArray[Any]:
    """Return `real` (any shape) in the integers of `dtype`, rounded to nearest and saturated."""
    limits = np.iinfo(np.dtype(dtype))
    steps = np.rint(real / np.float32(scale)) + zero_point
    return np.asarray(np.clip(steps, limits.min, limits.max), dtype)


def dequantize(quantized: npt.NDArray[Any], *, scale: float, zero_point: int) -> FloatArray:
    """Return the real values of a quantized tensor, float32 of the same shape."""
    # Wider than the tensor before subtracting: int8 -128 - 127 would wrap around.
    steps = quantized.astype(np.int32) - zero_point
    return np.asarray(steps * np.float64(scale), np.float32)


def softmax(logits: FloatArray) -> FloatArray:
    """Return probabilities over the last axis, float32, finite for any finite logits."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def sigmoid(logits: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-x)), float32 of the same shape, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), np.float32)
