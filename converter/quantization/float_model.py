"""The input of the quantizer: a float TFLite model and its description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from converter.data.dataset import LABELS, FaceDataset, Images
from converter.evaluation.classifiers import TfliteClassifier
from converter.preprocessing import Preparation
from converter.progress import stage
from converter.quantization.calibration import Range, input_range
from converter.quantization.export import float_tflite
from converter.quantization.integer import CONCAT_RANGE, concat_tensors, input_tensors
from converter.quantization.passes import PASS_NAMES, rewrite
from converter.training.model import FerNet

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FloatModel:
    """`content` takes what `preparation` makes and answers one number for each of `labels`.

    `known` are the ranges that need no measuring; `passes` the rewrites it went through.
    """

    content: bytes
    preparation: Preparation
    labels: tuple[str, ...]
    activation: str
    known: Mapping[str, Range]
    passes: tuple[str, ...]

    def prepared(self, images: Images) -> Iterator[Floats]:
        """Yield each of the samples uint8 (N, 48, 48) as the model takes it."""
        return map(self.preparation, images)

    def classifier(self, content: bytes) -> TfliteClassifier:
        """Return what `content`, this model or one made from it, answers to samples."""
        return TfliteClassifier(content, self.preparation, self.labels)


def own_model(net: FerNet, calibration: FaceDataset) -> FloatModel:
    """Return our network, rewritten for int8, its channels equalized on `calibration`.

    Raises ConversionError when it does not convert to TFLite.
    """
    preparation = Preparation()
    samples = np.concatenate([preparation(image) for image in calibration.images])
    with stage("Rewriting the network"):
        rewritten = rewrite(net, torch.from_numpy(samples).movedim(3, 1))
    with stage("Converting to TFLite"):
        content = float_tflite(rewritten)
    concats = dict.fromkeys(concat_tensors(content), CONCAT_RANGE)
    return FloatModel(
        content=content,
        preparation=preparation,
        labels=LABELS,
        activation="logits",
        known=known_input(content, preparation) | concats,
        passes=PASS_NAMES,
    )


def known_input(content: bytes, preparation: Preparation) -> dict[str, Range]:
    """Return the ranges of the model's input, which follow from its preparation."""
    bounds = input_range(preparation.mean, preparation.std)
    return dict.fromkeys(input_tensors(content), bounds)
