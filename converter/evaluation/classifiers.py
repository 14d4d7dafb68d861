"""Models as functions from FER2013's images to probabilities, whatever file they are in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from converter.data.dataset import LABELS, Images
from converter.errors import ConversionError
from converter.evaluation.metrics import softmax
from converter.interpreter import load_interpreter, real, stored
from converter.preprocessing import CHANNELS, Preparation
from converter.progress import progress
from converter.training.augment import scaled
from converter.training.checkpoint import load_checkpoint
from converter.training.model import FerNet, fer_net

Floats = npt.NDArray[np.float32]
BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """`outputs` maps uint8 (N, 48, 48) to float32 (N, 7) in the order of LABELS.

    `activation` says whether they are logits, which `temperature` divides, or probabilities.
    """

    outputs: Callable[[Images], Floats]
    activation: str = "logits"
    temperature: float = 1.0

    def probabilities(self, images: Images) -> Floats:
        """Return float32 (N, 7), each row's sum 1, of images uint8 (N, 48, 48)."""
        outputs = self.outputs(images)
        if self.activation == "probabilities":
            return outputs
        return softmax(np.divide(outputs, self.temperature, dtype=np.float32))


def load_classifier(path: Path) -> Classifier:
    """Return the model at `path`: a .tflite and its manifest .json, or a float checkpoint.

    A .tflite without a manifest is taken for one that reads images as ours does. Raises
    ConversionError or CheckpointError when it cannot be read or is no classifier of our labels.
    """
    if path.suffix != ".tflite":
        return Classifier(outputs=TorchClassifier(fer_net(load_checkpoint(path))))
    try:
        model = path.read_bytes()
    except OSError as exc:
        raise ConversionError(f"{path}: cannot read the model: {exc.strerror}") from exc
    manifest = path.with_suffix(".json")
    try:
        if not manifest.exists():
            return Classifier(outputs=TfliteClassifier(model))
        return _described(model, manifest)
    except ConversionError as exc:
        raise ConversionError(f"{path}: {exc}") from exc


class _Input(msgspec.Struct):
    shape: tuple[int, int, int, int]
    colour: Literal["gray", "rgb"]
    mean: float
    std: Annotated[float, msgspec.Meta(gt=0.0)]


class _Output(msgspec.Struct):
    activation: Literal["logits", "probabilities"]
    temperature: Annotated[float, msgspec.Meta(gt=0.0)]


class _Manifest(msgspec.Struct):
    """The part that is read here; the device reads and checks the rest."""

    labels: tuple[str, ...]
    input: _Input
    output: _Output


class TorchClassifier:
    """Logits of a float network."""

    def __init__(self, net: FerNet) -> None:
        self._net = copy.deepcopy(net).eval()
        self._net.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # stubs lag

    @torch.inference_mode()
    def __call__(self, images: Images) -> Floats:
        """Return the logits (N, 7) of images uint8 (N, 48, 48)."""
        batches = torch.split(scaled(torch.from_numpy(images))[:, None], BATCH)
        logits = [
            self._net(batch.contiguous(memory_format=torch.channels_last))
            for batch in progress(batches, "Float", total=len(batches))
        ]
        return np.asarray(torch.cat(logits).numpy(), np.float32)


class TfliteClassifier:
    """Outputs of a TFLite model, one image at a time as on the device."""

    def __init__(
        self,
        model: bytes,
        preparation: Preparation | None = None,
        labels: tuple[str, ...] = LABELS,
    ) -> None:
        """Raise ConversionError unless it maps one prepared image to a number for each label."""
        self._prepare = preparation or Preparation()
        self._order = [labels.index(label) for label in LABELS]
        self._interpreter = load_interpreter(model)
        self.input, *more_inputs = self._interpreter.get_input_details()
        self.output, *more_outputs = self._interpreter.get_output_details()
        side, channels = self._prepare.side_px, CHANNELS[self._prepare.colour]
        expected = (1, side, side, channels), (1, len(LABELS))
        shapes = tuple(self.input["shape"].tolist()), tuple(self.output["shape"].tolist())
        if shapes != expected or more_inputs or more_outputs:
            raise ConversionError(
                f"not an expression classifier: it maps {shapes[0]} to {shapes[1]}, "
                f"expected {expected[0]} to {expected[1]}"
            )

    def __call__(self, images: Images) -> Floats:
        """Return the outputs (N, 7), in the order of LABELS, to images uint8 (N, 48, 48)."""
        bar = progress(images, "TFLite", total=len(images))
        outputs = [self._output(self._prepare(image)) for image in bar]
        return np.concatenate(outputs)[:, self._order]

    def _output(self, image: Floats) -> Floats:
        self._interpreter.set_tensor(self.input["index"], stored(image, self.input))
        self._interpreter.invoke()
        return real(self._interpreter.get_tensor(self.output["index"]), self.output)


def _described(model: bytes, manifest: Path) -> Classifier:
    facts = _read_manifest(manifest)
    if sorted(facts.labels) != sorted(LABELS):
        raise ConversionError(f"its labels are {', '.join(facts.labels)}, not our seven")
    preparation = Preparation(
        side_px=facts.input.shape[1],
        colour=facts.input.colour,
        mean=facts.input.mean,
        std=facts.input.std,
    )
    return Classifier(
        outputs=TfliteClassifier(model, preparation, facts.labels),
        activation=facts.output.activation,
        temperature=facts.output.temperature,
    )


def _read_manifest(path: Path) -> _Manifest:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except OSError as exc:
        raise ConversionError(f"{path.name}: cannot read the manifest: {exc.strerror}") from exc
    except msgspec.DecodeError as exc:
        raise ConversionError(f"{path.name}: not the manifest of a model: {exc}") from exc
