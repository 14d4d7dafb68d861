"""Measures the cost of quantization: float and quantized model on both held-out splits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.data.dataset import FaceDataset, Images, Split
from converter.errors import DataError
from converter.evaluation.metrics import accuracy, ece, macro_f1, softmax
from converter.evaluation.temperature_scaling import fit_temperature
from converter.manifest import Metrics, SplitMetrics
from converter.quantization.float_model import FloatModel

Floats = npt.NDArray[np.float32]
Reference = Callable[[Images], Floats]
"""uint8 (N, 48, 48) -> the logits of the float weights (N, 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`temperature` is fitted on PublicTest, and 1 where the answers are probabilities already."""

    temperature: float
    metrics: Metrics


def measure(
    model: FloatModel, quantized: bytes, reference: Reference, faces: FaceDataset
) -> Measured:
    """Return what `quantized`, made from `model`, makes of both held-out splits of `faces`.

    Raises DataError when one of them is empty.
    """
    public, private = (_held_out(faces, split) for split in (Split.PUBLIC, Split.PRIVATE))
    classifier = model.classifier(quantized)
    outputs = classifier(public.images)
    is_final = model.activation == "probabilities"
    temperature = 1.0 if is_final else round(fit_temperature(outputs, public.labels), 4)

    def metrics(part: FaceDataset, outputs: Floats) -> SplitMetrics:
        probabilities = outputs if is_final else softmax(outputs / np.float32(temperature))
        return _metrics(reference(part.images), probabilities, part)

    return Measured(
        temperature=temperature,
        metrics=Metrics(
            public_test=metrics(public, outputs),
            private_test=metrics(private, classifier(private.images)),
        ),
    )


def _held_out(faces: FaceDataset, split: Split) -> FaceDataset:
    part = faces.part(split)
    if not len(part):
        raise DataError(
            f"the dataset has no {split.name.lower()} test split to measure on; pass --no-measure"
        )
    return part


def _metrics(before: Floats, probabilities: Floats, part: FaceDataset) -> SplitMetrics:
    predictions = probabilities.argmax(axis=1)
    return SplitMetrics(
        pictures=len(part),
        float32_accuracy=round(accuracy(before.argmax(axis=1), part.labels), 4),
        accuracy=round(accuracy(predictions, part.labels), 4),
        macro_f1=round(macro_f1(predictions, part.labels), 4),
        ece=round(ece(probabilities, part.labels), 4),
    )
