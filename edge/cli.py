"""The command line: `emotion-edge` or `python -m edge`. One line per error, see errors.py."""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import __version__
from edge.announcement import announce
from edge.config import Config, load_config, to_toml
from edge.errors import ConfigError, EdgeError, MediaError, UsageError
from edge.state import INSTALLED_FOLDER, AccessCode, find_folder, open_folder

if TYPE_CHECKING:
    from edge.entrance import Served

INSTALLED_SETTINGS = Path("/etc/emotion-edge/config.toml")
"""Where install.sh puts the service's settings, which `doctor` and `leds` are about."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, 1, or 2 for usage and configuration."""
    args = _parser().parse_args(argv)
    try:
        return int(args.func(args))
    except EdgeError as exc:
        if os.environ.get("EMOTION_EDGE_DEBUG"):
            raise
        print(f"emotion-edge: {exc}", file=sys.stderr)
        return exc.exit_code
    except BrokenPipeError:
        # The reader of our output left, as `head` does; Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotion-edge", description="A private expression sensor: camera to LEDs and phone."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    settings = argparse.ArgumentParser(add_help=False)
    settings.add_argument("--config", type=Path, metavar="FILE", help="settings (TOML)")
    settings.add_argument("--model", metavar="TFLITE", help="the expression model to use")
    settings.add_argument("--detector", metavar="KIND", help="blazeface or haar")

    run = commands.add_parser("run", parents=[settings], help="run the device")
    _add_device_options(run)
    run.set_defaults(func=_run)

    analyze = commands.add_parser(
        "analyze", parents=[settings], help="read the faces in pictures, folders and videos"
    )
    analyze.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    analyze.add_argument(
        "--jsonl", action="store_true", help="one object per line on a terminal too"
    )
    analyze.set_defaults(func=_analyze)

    doctor = commands.add_parser(
        "doctor", parents=[settings], help="examine camera, pins, models, port, board"
    )
    _add_device_options(doctor)
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(func=_doctor)

    leds = commands.add_parser(
        "leds", parents=[settings], help="light every LED in its turn, to check the wires"
    )
    leds.add_argument("--leds", metavar="MODE", help="per_emotion or rgb")
    leds.set_defaults(func=_leds)

    config = commands.add_parser(
        "config", parents=[settings], help="print the settings in effect as TOML"
    )
    _add_device_options(config)
    config.set_defaults(func=_config)

    code = commands.add_parser(
        "code", parents=[settings], help="print the access code and the page's address"
    )
    code.add_argument("--new", action="store_true", help="make a new one, which ends every login")
    _add_device_options(code)
    code.set_defaults(func=_code)

    version = commands.add_parser("version", help="print the version")
    version.set_defaults(func=_version)
    return parser


def _add_device_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source", metavar="S", help="auto, demo, picamera2, v4l2:N, file:PATH ..."
    )
    parser.add_argument("--host", metavar="ADDR", help="address the page is served on")
    parser.add_argument("--port", type=int, metavar="N", help="port the page is served on")
    parser.add_argument("--leds", metavar="MODE", help="off, per_emotion or rgb")


def _settings(args: argparse.Namespace, file: Path | None = None) -> Config:
    """Return the settings of --config, else of `file`, with the command line's on top."""
    named = {
        ("camera", "source"): getattr(args, "source", None),
        ("web", "host"): getattr(args, "host", None),
        ("web", "port"): getattr(args, "port", None),
        ("leds", "mode"): getattr(args, "leds", None),
        ("classifier", "model"): args.model,
        ("detector", "kind"): args.detector,
    }
    overrides: dict[str, dict[str, Any]] = {}
    for (section, key), value in named.items():
        if value is not None:
            overrides.setdefault(section, {})[key] = value
    if overrides.get("camera", {}).get("source") == "demo":
        # The demo shows its LEDs in the terminal and never touches a pin.
        overrides["leds"] = {"mode": "per_emotion", "factory": "mock"} | overrides.get("leds", {})
        overrides["button"] = {"mode": "off"}
    return load_config(args.config or file, overrides)


def _device_settings(args: argparse.Namespace) -> Config:
    """Return the settings of --config, else of the installed service, else the defaults."""
    return _settings(args, args.config or _installed_settings())


def _installed_settings() -> Path | None:
    """Return the service's own settings where install.sh has put some. Raises ConfigError."""
    if not os.access(INSTALLED_SETTINGS, os.F_OK):
        return None
    if not os.access(INSTALLED_SETTINGS, os.R_OK):
        raise ConfigError(
            f"{INSTALLED_SETTINGS}: only root and the service may read it; say sudo, or name "
            "another file with --config"
        )
    return INSTALLED_SETTINGS


def _run(args: argparse.Namespace) -> int:
    from edge.app import run_device  # noqa: PLC0415 (loads every adapter)

    config = _settings(args)
    _log_to_stderr()
    run_device(config, terminal=sys.stdout, announce=_announce)
    return 0


def _announce(page: Served) -> None:
    announce(page, sys.stdout)


def _code(args: argparse.Namespace) -> int:
    from edge.entrance import page_urls  # noqa: PLC0415 (loads the web)

    config = _device_settings(args)
    if config.web.auth == "none":
        raise UsageError('there is no access code: [web] auth = "none"')
    folder = find_folder(config.state)
    if config.state.folder == "auto" and "STATE_DIRECTORY" not in os.environ:
        folder = INSTALLED_FOLDER if INSTALLED_FOLDER.exists() else folder
    code = AccessCode(open_folder(folder))
    print(code.renew() if args.new else code())
    print(*page_urls(config.web, config.web.port), sep="\n")
    return 0


def _log_to_stderr() -> None:
    # The LEDs may be drawn on the terminal's last line: a message takes its place.
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    logging.basicConfig(level=logging.INFO, format=f"{start}%(levelname)s %(message)s")


def _analyze(args: argparse.Namespace) -> int:
    from edge.analyze import Analyzer, plan  # noqa: PLC0415
    from edge.networks import load_vision  # noqa: PLC0415
    from edge.progress import Progress  # noqa: PLC0415

    jobs = plan(args.paths)
    config = _settings(args)
    vision = load_vision(config)
    analyzer = Analyzer(vision.detector, vision.classifier, lambda: vision.pipeline(config))
    total = sum(job.frames or 0 for job in jobs) if all(job.frames for job in jobs) else None
    progress = Progress(total, "frames", sys.stderr)
    indent = 2 if sys.stdout.isatty() and not args.jsonl else None
    bad = 0
    for job in jobs:
        try:
            for result in analyzer.results(job):
                progress.advance()
                print(json.dumps(result, indent=indent, ensure_ascii=False), flush=True)
        except MediaError as exc:
            bad += 1
            progress.close()
            print(f"emotion-edge: {exc}", file=sys.stderr)
    progress.close()
    return 1 if bad else 0


def _doctor(args: argparse.Namespace) -> int:
    from edge.doctor import examine  # noqa: PLC0415 (loads every adapter)
    from edge.system.finding import Verdict, failed, passed, summary  # noqa: PLC0415

    try:
        file = args.config or _installed_settings()
        config = _settings(args, file)
        first = passed("config", str(file or "the defaults"))
    except ConfigError as exc:
        first = failed("config", str(exc), "config")
        args.config = None
        config = _settings(args)  # what is wrong on the command line is an error all the same
    findings = []
    for finding in itertools.chain([first], examine(config)):
        findings.append(finding)
        if not args.json:
            print(*finding.lines(), sep="\n", flush=True)
    well = all(finding.verdict is not Verdict.FAIL for finding in findings)
    if args.json:
        report = {"ok": well, "findings": [finding.to_dict() for finding in findings]}
        print(json.dumps({"version": __version__, **report}, indent=2, ensure_ascii=False))
    else:
        print(summary(findings))
    return 0 if well else 1


def _leds(args: argparse.Namespace) -> int:
    from edge.app import walk_leds  # noqa: PLC0415 (loads every adapter)

    walk_leds(_device_settings(args), sys.stdout)
    return 0


def _config(args: argparse.Namespace) -> int:
    print(to_toml(_device_settings(args)))
    return 0


def _version(_: argparse.Namespace) -> int:
    print(f"emotion-edge {__version__}")
    return 0
