"""`emotion-converter evaluate`: the accuracy of a float checkpoint or a .tflite over a split."""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from ai_edge_litert.interpreter import Interpreter

from converter.checkpoint import load_checkpoint
from converter.dataset import FaceDataset, Images, Split, load_dataset
from converter.errors import ConversionError, DataError
from converter.model import FerNet, fer_net
from converter.progress import progress

Floats = npt.NDArray[np.float32]
Classifier = Callable[[Images], Floats]
"""uint8 (N, 48, 48) -> logits (N, 7)."""

BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How many of how many pictures got their own label."""

    correct: int
    pictures: int

    @property
    def share(self) -> float:
        """0..1."""
        return self.correct / self.pictures


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `evaluate` command."""
    parser = subparsers.add_parser("evaluate", help="measure a model's accuracy")
    parser.add_argument("model", type=Path, help=".safetensors (float) or .tflite")
    parser.add_argument("--data", type=Path, required=True, help="FER2013 as .npz")
    parser.add_argument(
        "--split", choices=("public", "private"), default="private", help="(default: %(default)s)"
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the accuracy of `args.model` over `args.split`; return the exit code."""
    faces = load_dataset(args.data).part(Split[args.split.upper()])
    result = accuracy(load_classifier(args.model), faces)
    sys.stdout.write(
        f"{args.model}: {result.share:.2%} of {result.pictures} pictures ({args.split})\n"
    )
    return 0


def accuracy(classifier: Classifier, faces: FaceDataset) -> Accuracy:
    """Return how often the greatest logit is the picture's label. Raises DataError without any."""
    if not len(faces):
        raise DataError("the dataset has no picture in this split")
    answers = classifier(faces.images).argmax(axis=1)
    return Accuracy(correct=int((answers == faces.labels).sum()), pictures=len(faces))


def load_classifier(path: Path) -> Classifier:
    """Return the model at `path`, TFLite or a float checkpoint by its suffix."""
    if path.suffix == ".tflite":
        try:
            return TfliteClassifier(path.read_bytes())
        except OSError as exc:
            raise ConversionError(f"{path}: cannot read the model: {exc.strerror}") from exc
        except ConversionError as exc:
            raise ConversionError(f"{path}: {exc}") from exc
    return TorchClassifier(fer_net(load_checkpoint(path)))


def normalized(images: Images) -> Floats:
    """Return uint8 pixels as the float32 the network was trained on, -1..1."""
    return images.astype(np.float32) / 127.5 - 1


class TorchClassifier:
    """A float network."""

    def __init__(self, net: FerNet) -> None:
        self._net = copy.deepcopy(net).eval()
        self._net.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # stubs lag

    @torch.inference_mode()
    def __call__(self, images: Images) -> Floats:
        """Return the logits (N, 7) of pictures uint8 (N, 48, 48)."""
        batches = np.array_split(normalized(images)[:, None], -(-len(images) // BATCH))
        logits = [
            self._net(torch.from_numpy(batch).contiguous(memory_format=torch.channels_last))
            for batch in progress(batches, "Float", total=len(batches))
        ]
        return _floats(torch.cat(logits).numpy())


class TfliteClassifier:
    """A TFLite model, one picture at a time as on the device; int8 or float32 at its ends."""

    def __init__(self, model: bytes) -> None:
        """Raise ConversionError unless it takes (1, 48, 48, 1) and answers (1, 7)."""
        try:
            self._interpreter = Interpreter(model_content=model, num_threads=2)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as exc:
            raise ConversionError(f"not a TFLite model: {str(exc).splitlines()[0]}") from exc
        self.input, *more_inputs = self._interpreter.get_input_details()
        self.output, *more_outputs = self._interpreter.get_output_details()
        shapes = tuple(self.input["shape"].tolist()), tuple(self.output["shape"].tolist())
        if shapes != ((1, 48, 48, 1), (1, 7)) or more_inputs or more_outputs:
            raise ConversionError(
                f"not an expression classifier: it maps {shapes[0]} to {shapes[1]}, "
                "expected (1, 48, 48, 1) to (1, 7)"
            )

    def __call__(self, images: Images) -> Floats:
        """Return the logits (N, 7) of pictures uint8 (N, 48, 48)."""
        pictures = normalized(images)[:, None, :, :, None]
        logits = [self._logits(one) for one in progress(pictures, "TFLite", total=len(pictures))]
        return np.concatenate(logits)

    def _logits(self, picture: Floats) -> Floats:
        self._interpreter.set_tensor(self.input["index"], _stored(picture, self.input))
        self._interpreter.invoke()
        return _real(self._interpreter.get_tensor(self.output["index"]), self.output)


def _stored(real: Floats, tensor: dict[str, Any]) -> npt.NDArray[Any]:
    if tensor["dtype"] != np.int8:
        return real
    scale, zero_point = tensor["quantization"]
    nearest: npt.NDArray[Any] = np.rint(real / scale + zero_point)
    return nearest.clip(-128, 127).astype(np.int8)


def _real(stored: npt.NDArray[Any], tensor: dict[str, Any]) -> Floats:
    if tensor["dtype"] != np.int8:
        return _floats(stored)
    scale, zero_point = tensor["quantization"]
    return _floats((stored.astype(np.float32) - zero_point) * scale)


def _floats(array: npt.NDArray[Any]) -> Floats:
    floats: Floats = array.astype(np.float32, copy=False)
    return floats
