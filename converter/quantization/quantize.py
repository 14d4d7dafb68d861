"""`emotion-converter quantize`: a float checkpoint or .tflite becomes the model of the device."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

from converter import arguments, manifest
from converter.data.dataset import LABELS, FaceDataset, load_dataset
from converter.data.label_map import add_label_map
from converter.data.labels import label_of
from converter.errors import UsageError
from converter.evaluation.classifiers import TorchClassifier
from converter.output import check_writable, write_together
from converter.preprocessing import CHANNELS
from converter.progress import stage
from converter.quantization.batching import for_batches
from converter.quantization.calibration import DEFAULT_ESTIMATOR, ESTIMATORS, measured_ranges
from converter.quantization.float_model import FloatModel, own_model
from converter.quantization.graph import graph_facts
from converter.quantization.integer import quantized
from converter.quantization.label_order import tell_order
from converter.quantization.measure import Measured, Reference, measure
from converter.quantization.recipes import RECIPES, STATIC
from converter.quantization.report import QuantizationReport
from converter.quantization.snr import TensorFidelity, fidelity
from converter.quantization.tflite_import import Description, foreign_model, with_activation
from converter.training.checkpoint import load_checkpoint
from converter.training.model import fer_net

SNR_SAMPLES = 16
FARTHEST_MEAN = 1000
LEAST_STD = 0.001
"""In pixel values, 0..255; a larger value is a typing error."""

DESCRIPTIONS = ("colour", "mean", "std", "activation", "labels")
"""Options that describe a .tflite; a checkpoint's network is known."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `quantize` command."""
    parser = subparsers.add_parser("quantize", help="turn a float model into the device's")
    parser.add_argument(
        "model", type=Path, help="our DenseNet121 as .safetensors, or any float .tflite"
    )
    parser.add_argument("--data", type=Path, required=True, help="FER2013")
    add_label_map(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="the .tflite; its manifest .json is written to the same folder",
    )
    recipes = "; ".join(f"{recipe.name}: {recipe.summary}" for recipe in RECIPES.values())
    parser.add_argument(
        "--recipe", choices=RECIPES, default=STATIC.name, help=f"{recipes} (default: %(default)s)"
    )
    parser.add_argument(
        "--ranges",
        choices=ESTIMATORS,
        help=f"what {STATIC.name} spreads its integers over (default: {DEFAULT_ESTIMATOR})",
    )
    parser.add_argument(
        "--calibration",
        type=arguments.positive,
        default=256,
        metavar="N",
        help="training samples that set the ranges (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=arguments.seed, default=0, help="chooses them (default: %(default)s)"
    )
    parser.add_argument("--report", type=Path, help="all that was found, as .json or as text")
    parser.add_argument("--no-measure", action="store_true", help="leave out the accuracy")
    parser.add_argument("--force", action="store_true", help="replace existing files")
    _add_descriptions(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Convert, measure and write the model with its manifest; return the exit code."""
    paths = _outputs(args)
    check_writable(paths, force=args.force)
    model, reference, faces, calibration = _float_model(args)
    content = for_batches(_quantized(args, model, calibration))
    measured = None if args.no_measure else measure(model, content, reference, faces)
    report = QuantizationReport(
        facts=_manifest(args, model, content, measured),
        before=graph_facts(model.content),
        after=graph_facts(content),
        fidelity=_fidelity(model, content, calibration),
    )
    texts = [report.facts.to_json()]
    if args.report:
        texts.append(report.to_json() if args.report.suffix == ".json" else report.to_text())
    contents = [content, *(text.encode() for text in texts)]
    write_together(dict(zip(paths, contents, strict=True)))
    sys.stdout.write(report.to_short_text())
    return 0


def _add_descriptions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("properties that a .tflite does not state")
    group.add_argument("--colour", choices=CHANNELS, help="(default: by its channels)")
    group.add_argument("--mean", type=_mean, help="real = (pixel - mean) / std (default: 127.5)")
    group.add_argument("--std", type=_deviation, help="(default: 127.5)")
    group.add_argument(
        "--activation", choices=("logits", "probabilities"), help="(default: by its answers)"
    )
    group.add_argument(
        "--labels",
        type=_labels,
        metavar="A,B,...",
        help=f"the order of the outputs (default: {','.join(LABELS)})",
    )


def _outputs(args: argparse.Namespace) -> tuple[Path, ...]:
    """Return the files to write: the model, its manifest and, with --report, the report."""
    if args.out.suffix != ".tflite":
        raise UsageError(f"--out {args.out}: expected a name ending in .tflite")
    if args.ranges and not RECIPES[args.recipe].static:
        raise UsageError(f"--ranges {args.ranges}: {args.recipe} measures none")
    paths = [args.out, args.out.with_suffix(".json"), *([args.report] if args.report else [])]
    taken = [args.model.resolve(), args.data.resolve()]
    for path in paths:
        if path.resolve() in taken:
            raise UsageError(f"{path} would be written over another of these files; rename it")
        taken.append(path.resolve())
    return tuple(paths)


def _float_model(
    args: argparse.Namespace,
) -> tuple[FloatModel, Reference, FaceDataset, FaceDataset]:
    """Return what to quantize, what its weights answer, all faces and those to calibrate on."""
    said = {name: getattr(args, name) for name in DESCRIPTIONS if getattr(args, name) is not None}
    if args.model.suffix == ".tflite":
        described = Description(**said)
        foreign = foreign_model(args.model, described)
        faces, calibration = _faces(args)
        model = with_activation(foreign, described.activation, calibration.images)
        reference = model.classifier(model.content)
        outputs = reference(calibration.images)
        tell_order(args.model, described.labels, outputs, calibration.labels)
        return model, reference, faces, calibration
    if said:
        raise UsageError(f"--{min(said)} is for .tflite models; {args.model.name} is a checkpoint")
    net = fer_net(load_checkpoint(args.model))
    faces, calibration = _faces(args)
    return own_model(net, calibration), TorchClassifier(net), faces, calibration


def _faces(args: argparse.Namespace) -> tuple[FaceDataset, FaceDataset]:
    faces = load_dataset(args.data, own_names=args.label_map)
    return faces, faces.training().stratified(args.calibration, args.seed)


def _quantized(args: argparse.Namespace, model: FloatModel, calibration: FaceDataset) -> bytes:
    recipe = RECIPES[args.recipe]
    if not recipe.static:
        with stage("Quantizing"):
            return quantized(model.content, recipe, {})
    ranges = measured_ranges(
        model.content,
        model.prepared(calibration.images),
        len(calibration),
        args.ranges or DEFAULT_ESTIMATOR,
    )
    with stage("Quantizing"):
        return quantized(model.content, recipe, {**ranges, **model.known})


def _fidelity(model: FloatModel, content: bytes, calibration: FaceDataset) -> list[TensorFidelity]:
    with stage("Comparing tensors"):
        samples = model.prepared(calibration.images[:SNR_SAMPLES])
        return fidelity(model.content, content, samples)


def _manifest(
    args: argparse.Namespace, model: FloatModel, content: bytes, measured: Measured | None
) -> manifest.Manifest:
    classifier = model.classifier(content)
    return manifest.Manifest(
        model=manifest.model_file(args.out.name, content),
        labels=model.labels,
        input=manifest.InputTensor(**manifest.tensor_facts(classifier.input), **_taken(model)),
        output=manifest.OutputTensor(
            **manifest.tensor_facts(classifier.output),
            activation=model.activation,
            temperature=measured.temperature if measured else 1.0,
        ),
        quantization=manifest.Quantization(
            recipe=args.recipe,
            ranges=(args.ranges or DEFAULT_ESTIMATOR) if RECIPES[args.recipe].static else "none",
            calibration_pictures=args.calibration,
            seed=args.seed,
            passes=model.passes,
        ),
        source=manifest.source(args.model),
        metrics=measured.metrics if measured else None,
        tools=manifest.tool_versions(),
    )


def _taken(model: FloatModel) -> dict[str, Any]:
    how = model.preparation
    return {"colour": how.colour, "mean": how.mean, "std": how.std}


def _mean(text: str) -> float:
    number = float(text)
    if not abs(number) <= FARTHEST_MEAN:
        raise argparse.ArgumentTypeError(f"{text} is not within {FARTHEST_MEAN} of 0")
    return number


def _deviation(text: str) -> float:
    number = float(text)
    if not LEAST_STD <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not at least {LEAST_STD}")
    return number


def _labels(text: str) -> tuple[str, ...]:
    labels = tuple(label_of(name) or name for name in text.split(","))
    if sorted(labels) != sorted(LABELS):
        raise argparse.ArgumentTypeError(f"expected an order of {','.join(LABELS)}, not {text}")
    return labels
