"""`emotion-converter evaluate`: the accuracy of a model on a whole split, or of two compared.

As they are, in bad images (`--robustness`), or where the model may stay silent (`--selective`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converter import arguments
from converter.data.dataset import LABELS, FaceDataset, Split, load_dataset
from converter.data.ferplus import majority_labels
from converter.data.label_map import add_label_map
from converter.errors import ConversionError, DataError, UsageError
from converter.evaluation.classifiers import Classifier, load_classifier
from converter.evaluation.confusion_chart import confusion_png
from converter.evaluation.metrics import (
    ClassMetrics,
    Floats,
    Integers,
    Interval,
    accuracy,
    bootstrap_interval,
    class_metrics,
    confusion_matrix,
    ece,
    macro_f1,
    mcnemar,
)
from converter.evaluation.robustness import Robustness, robustness, robustness_text
from converter.evaluation.robustness_chart import robustness_png
from converter.evaluation.selective import (
    MIN_CONFIDENCE,
    SelectiveAccuracy,
    risk_coverage_png,
    selective,
    selective_text,
)
from converter.output import check_writable, write_together


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Over `samples`; shares are 0..1, intervals of 95%.

    `ferplus_accuracy` is over the samples whose FER+ votes have a clear winner among the seven,
    None where there are no votes.
    """

    samples: int
    accuracy: float
    interval: Interval
    macro_f1: float
    ece: float
    classes: dict[str, ClassMetrics]
    confusion: list[list[int]]
    ferplus_samples: int
    ferplus_accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Of two models over the same samples; `difference` is the second's accuracy less."""

    samples: int
    first: float
    second: float
    difference: float
    interval: Interval
    only_first_right: int
    only_second_right: int
    mcnemar_p: float


Result = Evaluation | Comparison | Robustness | SelectiveAccuracy


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `evaluate` command."""
    parser = subparsers.add_parser("evaluate", help="measure a model's accuracy, or compare two")
    parser.add_argument("model", type=Path, nargs="?", help=".safetensors (float) or .tflite")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("A", "B"), help="two models")
    parser.add_argument("--data", type=Path, required=True, help="FER2013: .csv, .npz or a folder")
    parser.add_argument("--votes", type=Path, metavar="CSV", help="FER+ votes, fer2013new.csv")
    add_label_map(parser)
    parser.add_argument(
        "--split", choices=("public", "private"), default="private", help="(default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument("--confusion", type=Path, metavar="PNG", help="draw the confusion matrix")
    parser.add_argument(
        "--limit",
        type=arguments.positive,
        metavar="N",
        help="N samples of the split, drawn with --seed",
    )
    parser.add_argument("--seed", type=arguments.seed, default=0, help="(default: %(default)s)")
    _add_modes(parser)
    parser.add_argument("--force", action="store_true", help="replace an existing drawing")
    parser.set_defaults(func=run)


def _add_modes(parser: argparse.ArgumentParser) -> None:
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--robustness",
        action="store_true",
        help="accuracy under ten corruptions at five strengths, of one model or two",
    )
    modes.add_argument(
        "--selective", action="store_true", help="how many faces get a label, and how many right"
    )
    parser.add_argument(
        "--min-confidence",
        type=arguments.share,
        metavar="SHARE",
        help=f"of --selective: a label's least probability (default: {MIN_CONFIDENCE})",
    )
    parser.add_argument("--chart", type=Path, metavar="PNG", help="draw what a mode found")


def run(args: argparse.Namespace) -> int:
    """Print the evaluation that `args` requests; return the exit code."""
    _check(args)
    everything = load_dataset(args.data, args.votes, args.label_map)
    faces = everything.part(Split[args.split.upper()])
    if not len(faces):
        raise DataError(f"{args.data}: the dataset has no sample in this split ({args.split})")
    if args.limit is not None:
        faces = faces.take(np.random.default_rng(args.seed).permutation(len(faces))[: args.limit])
    if args.robustness:
        return _robustness(args, faces)
    if args.selective:
        return _selective(args, faces)
    return _compare(args, faces) if args.compare else _evaluate(args, faces)


def _check(args: argparse.Namespace) -> None:
    """Refuse options that do not go together, and drawings that cannot be written."""
    mode = args.robustness or args.selective
    if (args.model is None) == (args.compare is None):
        raise UsageError("name one model to evaluate, or two after --compare")
    if args.compare and args.confusion:
        raise UsageError("--confusion draws one model, --compare takes two")
    if args.compare and args.selective:
        raise UsageError("--selective measures one model, --compare takes two")
    if args.confusion and mode:
        raise UsageError("--confusion is drawn without --robustness or --selective")
    if args.chart and not mode:
        raise UsageError("--chart is drawn with --robustness or --selective; see --confusion")
    if args.min_confidence is not None and not args.selective:
        raise UsageError("--min-confidence is for --selective")
    check_writable(tuple(filter(None, (args.confusion, args.chart))), force=args.force)


def evaluate(probabilities: Floats, faces: FaceDataset) -> Evaluation:
    """Return how `probabilities` (N, 7) of the N samples agree with their labels and votes."""
    predictions = probabilities.argmax(axis=1)
    voted = majority_labels(faces.votes)
    clear = voted >= 0
    return Evaluation(
        samples=len(faces),
        accuracy=accuracy(predictions, faces.labels),
        interval=bootstrap_interval(predictions == faces.labels),
        macro_f1=macro_f1(predictions, faces.labels),
        ece=ece(probabilities, faces.labels),
        classes=dict(zip(LABELS, class_metrics(predictions, faces.labels), strict=True)),
        confusion=confusion_matrix(predictions, faces.labels).tolist(),
        ferplus_samples=int(clear.sum()),
        ferplus_accuracy=accuracy(predictions[clear], voted[clear]) if clear.any() else None,
    )


def compare(first: Integers, second: Integers, labels: Integers) -> Comparison:
    """Return how two models' predictions (N,) to the same samples differ in being right."""
    first_right, second_right = first == labels, second == labels
    gains: npt.NDArray[np.int8] = second_right.astype(np.int8) - first_right.astype(np.int8)
    only_first, only_second = int((gains < 0).sum()), int((gains > 0).sum())
    return Comparison(
        samples=len(labels),
        first=float(first_right.mean()),
        second=float(second_right.mean()),
        difference=float(gains.mean()),
        interval=bootstrap_interval(gains),
        only_first_right=only_first,
        only_second_right=only_second,
        mcnemar_p=mcnemar(only_first, only_second),
    )


def _evaluate(args: argparse.Namespace, faces: FaceDataset) -> int:
    result = evaluate(_probabilities(load_classifier(args.model), args.model, faces), faces)
    if args.confusion:
        drawing = confusion_png(np.array(result.confusion), LABELS)
        write_together({args.confusion: drawing})
    about = {"model": str(args.model), "split": args.split}
    sys.stdout.write(_json(about, result) if args.json else _text(args, result))
    return 0


def _compare(args: argparse.Namespace, faces: FaceDataset) -> int:
    models = [load_classifier(path) for path in args.compare]
    first, second = (
        _probabilities(model, path, faces).argmax(axis=1)
        for model, path in zip(models, args.compare, strict=True)
    )
    result = compare(first, second, faces.labels)
    about = {"models": [str(path) for path in args.compare], "split": args.split}
    sys.stdout.write(_json(about, result) if args.json else _comparison_text(args, result))
    return 0


def _robustness(args: argparse.Namespace, faces: FaceDataset) -> int:
    paths = args.compare or [args.model]
    names = names_apart(paths)
    result = robustness([load_classifier(path) for path in paths], faces, args.seed)
    if args.chart:
        write_together({args.chart: robustness_png(names, result)})
    about: dict[str, object] = {"models": [str(path) for path in paths], "split": args.split}
    sys.stdout.write(_json(about, result) if args.json else robustness_text(names, result))
    return 0


def _selective(args: argparse.Namespace, faces: FaceDataset) -> int:
    probabilities = _probabilities(load_classifier(args.model), args.model, faces)
    least = MIN_CONFIDENCE if args.min_confidence is None else args.min_confidence
    result = selective(probabilities, faces.labels, least)
    if args.chart:
        write_together({args.chart: risk_coverage_png(probabilities, faces.labels, result)})
    about: dict[str, object] = {"model": str(args.model), "split": args.split}
    text = selective_text(str(args.model), args.split, result)
    sys.stdout.write(_json(about, result) if args.json else text)
    return 0


def names_apart(paths: Sequence[Path]) -> list[str]:
    """Return the names of these files, or their paths where two names are the same."""
    names = [path.stem for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _probabilities(model: Classifier, path: Path, faces: FaceDataset) -> Floats:
    probabilities = model.probabilities(faces.images)
    if not np.isfinite(probabilities).all():
        raise ConversionError(f"{path}: its outputs are not finite numbers")
    return probabilities


def _json(about: dict[str, object], result: Result) -> str:
    return json.dumps({**about, **asdict(result)}, indent=2) + "\n"


def _text(args: argparse.Namespace, result: Evaluation) -> str:
    low, high = result.interval
    lines = [
        f"{args.model}: {result.accuracy:.2%} of {result.samples} samples ({args.split})",
        f"95% interval {low:.2%} to {high:.2%}, macro-F1 {result.macro_f1:.3f}, "
        f"expected calibration error {result.ece:.3f}",
    ]
    if result.ferplus_accuracy is not None:
        lines.append(
            f"FER+: {result.ferplus_accuracy:.2%} of the {result.ferplus_samples} samples whose "
            "votes have a clear winner"
        )
    lines += ["", f"{'':9} samples precision  recall      F1"]
    lines += [
        f"{label:9} {one.samples:8} {one.precision:9.3f} {one.recall:7.3f} {one.f1:7.3f}"
        for label, one in result.classes.items()
    ]
    lines += ["", "predicted " + "".join(f"{label:>9}" for label in LABELS)]
    lines += [
        f"{label:10}" + "".join(f"{count:9}" for count in row)
        for label, row in zip(LABELS, result.confusion, strict=True)
    ]
    return "\n".join(lines) + "\n"


def _comparison_text(args: argparse.Namespace, result: Comparison) -> str:
    low, high = result.interval
    first, second = args.compare
    return (
        f"{first}: {result.first:.2%} of {result.samples} samples ({args.split})\n"
        f"{second}: {result.second:.2%}\n"
        f"difference {result.difference * 100:+.2f} points, 95% interval {low * 100:+.2f} to "
        f"{high * 100:+.2f}\n"
        f"{result.only_first_right} samples only the first gets right, "
        f"{result.only_second_right} only the second: McNemar's exact p = {result.mcnemar_p:.3g}\n"
    )
