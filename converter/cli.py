"""`emotion-converter`: the desktop's command line."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from converter.errors import ConverterError

COMMANDS = {
    "dataset": ("data.stats", "count a dataset's samples"),
    "train": ("training.train", "train a DenseNet121 on labelled faces"),
    "average": ("training.average", "average the weights of trained networks"),
    "quantize": ("quantization.quantize", "turn a float model into an int8 one"),
    "evaluate": ("evaluation.evaluate", "measure a model's accuracy, or compare two"),
    "demo-faces": ("demo_faces.demo_faces", "average faces into the demo's actors"),
}
"""The module of each command, which has an `add_parser`, and the command's summary.

A module is imported when its command is run: most of them load torch.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        args = _parser(arguments).parse_args(arguments)
        code: int = args.func(args)
    except (ConverterError, ModuleNotFoundError) as exc:
        if os.environ.get("EMOTION_CONVERTER_DEBUG"):
            raise
        print(f"emotion-converter: {_one_line(exc)}", file=sys.stderr)
        return exc.exit_code if isinstance(exc, ConverterError) else 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    """Return the parser with the options of the one command that is run."""
    parser = argparse.ArgumentParser(
        prog="emotion-converter",
        description="Train a DenseNet121 on faces and make emotion-edge's int8 model of it.",
    )
    parser.add_argument("--version", action="version", version=_version())
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    asked_for = next((word for word in arguments if not word.startswith("-")), None)
    for name, (module, summary) in COMMANDS.items():
        if name == asked_for:
            _loaded(module).add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    subparsers.add_parser("version", help="print the version").set_defaults(func=_print_version)
    return parser


def _loaded(module: str) -> Any:
    """Return a command's module. It takes seconds to load, which are shown."""
    from converter.progress import stage  # noqa: PLC0415 # for commands only

    with stage("Loading libraries"):
        return import_module(f"converter.{module}")


def _print_version(_: argparse.Namespace) -> int:
    print(_version())
    return 0


def _version() -> str:
    try:
        return f"emotion-converter {version('emotion-edge')}"
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "emotion-converter 0+unknown"


def _one_line(exc: Exception) -> str:
    if isinstance(exc, ModuleNotFoundError):
        return f"{exc.name} is not installed; run: pip install 'emotion-edge[converter]'"
    return " ".join(str(exc).split())
