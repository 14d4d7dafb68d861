"""Which range of real values a tensor's integers are spread over: measured, or known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from converter.errors import ConversionError
from converter.progress import progress
from converter.quantization.activations import Activations

Floats = npt.NDArray[np.float32]
Range = tuple[float, float]
"""Least and greatest."""

SMOOTHING = 0.95
"""Of the moving average, as in ai_edge_quantizer."""

PERCENTILE = 99.9
INFINITE = 3e38
"""The value that represents a padding of minus infinity; it is left out of ranges."""


class Estimator(Protocol):
    """Collects the values of one tensor, sample by sample, and estimates its range."""

    def update(self, values: Floats) -> None:
        """Take into account one sample's values, of any shape."""

    @property
    def range(self) -> Range:
        """Of all samples so far, at least one."""


class MinMax:
    """Everything that was seen: nothing is clipped."""

    def __init__(self, _: int) -> None:
        self.range = (np.inf, -np.inf)

    def update(self, values: Floats) -> None:
        """Widen the range to hold these values."""
        low, high = _extremes(values)
        self.range = min(self.range[0], low), max(self.range[1], high)


class MovingAverage:
    """The extremes of each sample, averaged with less weight on those long before."""

    def __init__(self, _: int) -> None:
        self._extremes: npt.NDArray[np.float64] | None = None

    def update(self, values: Floats) -> None:
        """Move the range a little towards these values'."""
        new = np.array(_extremes(values))
        before = new if self._extremes is None else self._extremes
        self._extremes = SMOOTHING * before + (1 - SMOOTHING) * new

    @property
    def range(self) -> Range:
        """Well inside the extremes."""
        if self._extremes is None:
            raise ValueError("no sample was seen")
        return float(self._extremes[0]), float(self._extremes[1])


class Percentile:
    """The range that leaves out 0.1% of all values of all `samples`, half of it at either end.

    Exact: those left out are few enough to be kept.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._least = self._greatest = np.empty(0, np.float32)

    def update(self, values: Floats) -> None:
        """Keep these values if they may be beyond the range."""
        beyond = 1 + int(values.size * self._samples * (100 - PERCENTILE) / 100 / 2)
        self._least = -_greatest(np.concatenate([-self._least, -values.ravel()]), beyond)
        self._greatest = _greatest(np.concatenate([self._greatest, values.ravel()]), beyond)

    @property
    def range(self) -> Range:
        """From the greatest of the least values to the least of the greatest."""
        return float(self._least.max()), float(self._greatest.min())


ESTIMATORS: dict[str, Callable[[int], Estimator]] = {
    "min_max": MinMax,
    "moving_average": MovingAverage,
    "percentile": Percentile,
}
"""Each takes the number of samples, and estimates the range of one tensor."""

DEFAULT_ESTIMATOR = "min_max"


def measured_ranges(
    float_model: bytes, samples: Iterable[Floats], count: int, estimator: str = DEFAULT_ESTIMATOR
) -> dict[str, Range]:
    """Return the range of every tensor of `float_model` over `count` samples.

    Each sample is float32 (1, H, W, C) as the model takes it. Raises ConversionError when a
    tensor holds something that is no number.
    """
    make = ESTIMATORS[estimator]
    activations = Activations(float_model)
    estimators: defaultdict[str, Estimator] = defaultdict(lambda: make(count))
    for number, sample in enumerate(progress(samples, "Calibrating", total=count)):
        for name, values in activations(sample):
            estimators[name].update(_finite(name, values, number))
    return {name: one.range for name, one in estimators.items()}


def input_range(mean: float, std: float) -> Range:
    """Return the range of `(pixel - mean) / std` with one integer for each pixel value.

    It is the tightest with a zero point that is whole: on -1..1 every pixel would lie half-way
    between two integers, to be rounded either way.
    """
    low, high = min(0 - mean, 0.0) / std, max(255 - mean, 0.0) / std
    zero_point = np.rint(-128 - low * 255 / (high - low))
    below, above = zero_point + 128, 127 - zero_point
    scale = max(-low / below if below else 0.0, high / above if above else 0.0)
    return float(-below * scale), float(above * scale)


def _extremes(values: Floats) -> Range:
    return float(values.min()), float(values.max())


def _greatest(values: Floats, count: int) -> Floats:
    if len(values) <= count:
        return values
    return np.partition(values, -count)[-count:]


def _finite(name: str, values: Floats, number: int) -> Floats:
    if np.isnan(values).any():
        raise ConversionError(
            f"tensor {name!r} is not a number on calibration sample {number}: "
            "the weights or --mean and --std are wrong"
        )
    kept = values[np.abs(values) < INFINITE]
    return kept if kept.size else np.zeros(1, np.float32)
