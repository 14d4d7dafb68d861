"""How much of each tensor survives quantization: signal to noise between float and quantized."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.quantization.activations import Activations
from converter.quantization.graph import tensor_makers

Floats = npt.NDArray[np.float32]

FLOAT32_DB = 144.0
"""Of float32's own rounding, 24 bits of 6.02 dB each: as good as equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFidelity:
    """One tensor, the operator that makes it, and 10 log10(sum of x^2 / sum of (y - x)^2).

    x is the float model's value, y the quantized one's, over all samples; 0 dB means that the
    noise is as strong as the signal. It counts what earlier tensors hand on, not only the
    tensor's own rounding.
    """

    tensor: str
    operator: str
    snr_db: float


def fidelity(before: bytes, after: bytes, samples: Iterable[Floats]) -> list[TensorFidelity]:
    """Return how well `after` keeps each tensor of the float model `before`, in their order.

    `samples` are float32 (1, H, W, C) as the float model takes them. Tensors that only one of
    the models has are left out. Raises ConversionError when either is not a TFLite model.
    """
    makers = tensor_makers(before)
    powers: dict[str, npt.NDArray[np.float64]] = {}
    reference, quantized = Activations(before), Activations(after)
    for sample in samples:
        wanted = dict(reference(sample))
        for name, values in quantized(sample):
            if name in makers and name in wanted:
                powers[name] = powers.get(name, 0.0) + _powers(wanted[name], values)
    return [
        TensorFidelity(tensor=name, operator=makers[name], snr_db=_decibels(*powers[name]))
        for name in makers
        if name in powers
    ]


def worst(tensors: Iterable[TensorFidelity], count: int = 10) -> list[TensorFidelity]:
    """Return the `count` tensors with the least signal to noise, the worst first."""
    return sorted(tensors, key=lambda tensor: tensor.snr_db)[:count]


def _powers(signal: Floats, noisy: Floats) -> npt.NDArray[np.float64]:
    """Return the sums of squares of the signal and of the noise."""
    clean = signal.astype(np.float64)
    return np.array([np.square(clean).sum(), np.square(noisy - clean).sum()])


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return FLOAT32_DB
    if signal == 0:
        return -FLOAT32_DB
    return round(float(np.clip(10 * np.log10(signal / noise), -FLOAT32_DB, FLOAT32_DB)), 2)
