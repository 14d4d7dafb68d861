"""`emotion-converter`: the desktop's command line."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from importlib.metadata import version

from converter.errors import ConverterError

COMMANDS = {
    "dataset": "count a dataset's pictures",
    "train": "train a DenseNet121 on labelled faces",
    "quantize": "turn a float model into an int8 one",
    "evaluate": "measure a model's accuracy, or compare two",
    "cast": "average faces into the demo's actors",
}
"""Each has a module with an `add_parser`; torch is imported by those that run."""

MODULES = {"dataset": "survey"}
"""Those of another name than their command."""


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
    """Return the parser with the options of the one command that is asked for."""
    parser = argparse.ArgumentParser(
        prog="emotion-converter",
        description="Train a DenseNet121 on faces and make emotion-edge's int8 model of it.",
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    asked_for = next((word for word in arguments if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        if name == asked_for:
            import_module(f"converter.{MODULES.get(name, name)}").add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    subparsers.add_parser("version", help="print the version").set_defaults(func=_print_version)
    return parser


def _print_version(_: argparse.Namespace) -> int:
    print(version("emotion-edge"))
    return 0


def _one_line(exc: Exception) -> str:
    if isinstance(exc, ModuleNotFoundError):
        return f"{exc.name} is not installed; run: pip install 'emotion-edge[converter]'"
    return " ".join(str(exc).split())
