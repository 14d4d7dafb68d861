"""`emotion-converter quantize`: a float checkpoint becomes the int8 model of the device."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from converter import integer, manifest
from converter.checkpoint import load_checkpoint
from converter.dataset import FaceDataset, Split, load_dataset
from converter.errors import UsageError
from converter.evaluate import Classifier, TfliteClassifier, TorchClassifier, accuracy, normalized
from converter.export import float_tflite
from converter.model import FerNet, fer_net
from converter.output import check_writable, write_together
from converter.passes import PASS_NAMES, rewrite


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `quantize` command."""
    parser = subparsers.add_parser("quantize", help="turn a float checkpoint into an int8 model")
    parser.add_argument("checkpoint", type=Path, help="DenseNet121 as .safetensors")
    parser.add_argument("--data", type=Path, required=True, help="FER2013 as .npz")
    parser.add_argument(
        "--out", type=Path, required=True, help="the .tflite; its manifest .json goes beside it"
    )
    parser.add_argument(
        "--calibration",
        type=_positive,
        default=256,
        metavar="N",
        help="training pictures that set the ranges (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="chooses them (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Convert, measure and write the model with its manifest; return the exit code."""
    if args.out.suffix != ".tflite":
        raise UsageError(f"--out {args.out}: expected a name ending in .tflite")
    paths = args.out, args.out.with_suffix(".json")
    check_writable(paths, force=args.force)
    net = fer_net(load_checkpoint(args.checkpoint))
    faces = load_dataset(args.data)
    model = to_int8(net, faces.training().stratified(args.calibration, args.seed))
    facts = describe(args, net, model, faces)
    write_together(dict(zip(paths, (model, facts.to_json().encode()), strict=True)))
    sys.stdout.write(report(args.out, facts))
    return 0


def to_int8(net: FerNet, calibration: FaceDataset) -> bytes:
    """Return the full-integer TFLite version of `net`, its ranges set by `calibration`.

    Takes int8 (1, 48, 48, 1) and answers int8 logits (1, 7). Raises ConversionError.
    """
    pictures = normalized(calibration.images)
    rewritten = rewrite(net, torch.from_numpy(pictures)[:, None])
    return integer.quantized(float_tflite(rewritten), pictures[..., None])


def describe(
    args: argparse.Namespace, net: FerNet, model: bytes, faces: FaceDataset
) -> manifest.Manifest:
    """Measure the model on both held-out splits and return its manifest."""
    classifier = TfliteClassifier(model)
    return manifest.Manifest(
        model=manifest.model_file(args.out.name, model),
        input=manifest.InputTensor(**manifest.tensor_facts(classifier.input)),
        output=manifest.OutputTensor(**manifest.tensor_facts(classifier.output)),
        quantization=manifest.Quantization(
            recipe=integer.RECIPE,
            calibration_pictures=args.calibration,
            seed=args.seed,
            passes=PASS_NAMES,
        ),
        source=manifest.source(args.checkpoint),
        metrics=manifest.Metrics(
            public_test=_compare(TorchClassifier(net), classifier, faces.part(Split.PUBLIC)),
            private_test=_compare(TorchClassifier(net), classifier, faces.part(Split.PRIVATE)),
        ),
        tools=manifest.tool_versions(),
    )


def report(path: Path, facts: manifest.Manifest) -> str:
    """Return what was made and what the integers cost, for people to read."""
    splits = {
        "PublicTest": facts.metrics.public_test,
        "PrivateTest": facts.metrics.private_test,
    }
    lines = [
        f"{name}: float {split.float32_accuracy:.2%}, int8 {split.int8_accuracy:.2%} "
        f"of {split.pictures} pictures\n"
        for name, split in splits.items()
    ]
    return f"{path}: {facts.model.size_bytes} bytes\n{''.join(lines)}"


def _compare(before: Classifier, after: Classifier, faces: FaceDataset) -> manifest.SplitMetrics:
    return manifest.SplitMetrics(
        pictures=len(faces),
        float32_accuracy=round(accuracy(before, faces).share, 4),
        int8_accuracy=round(accuracy(after, faces).share, 4),
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number
