"""The parser of the command line: its commands and options."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

from edge import __version__
from edge.config.options import number

_MOST_MINUTES = 120


def parser() -> argparse.ArgumentParser:
    """Return the parser; `command` of its result is the name of the command."""
    top = argparse.ArgumentParser(
        prog="emotion-edge", description="A private expression sensor: camera to LEDs and phone."
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    settings = argparse.ArgumentParser(add_help=False)
    settings.add_argument("--config", type=Path, metavar="FILE", help="settings (TOML)")
    settings.add_argument("--model", metavar="TFLITE", help="the expression model to use")
    settings.add_argument("--detector", metavar="KIND", help="blazeface or haar")

    run = commands.add_parser("run", parents=[settings], help="run the device")
    _add_device_options(run)

    analyze = commands.add_parser(
        "analyze", parents=[settings], help="read the faces in images, folders and videos"
    )
    analyze.add_argument("paths", nargs="+", metavar="PATH")
    _add_analyze_options(analyze)

    doctor = commands.add_parser(
        "doctor", parents=[settings], help="check camera, pins, models, port and board"
    )
    _add_device_options(doctor)
    doctor.add_argument("--json", action="store_true", help="print one JSON object")

    _add_bench(commands.add_parser("bench", parents=[settings], help="measure speed and memory"))

    selftest = commands.add_parser(
        "selftest",
        parents=[settings],
        help="try camera, LEDs, button and heat of a device, and write a report to send",
    )
    _add_device_options(selftest)
    selftest.add_argument(
        "--minutes", type=_minutes, default=10.0, metavar="N", help="with the camera; by default 10"
    )
    selftest.add_argument(
        "--report",
        type=Path,
        default=Path("emotion-edge-selftest.json"),
        metavar="FILE",
        help="by default emotion-edge-selftest.json in this folder",
    )

    leds = commands.add_parser(
        "leds", parents=[settings], help="light each LED in turn, to check the wires"
    )
    leds.add_argument("--leds", metavar="MODE", help="per_emotion or rgb")

    config = commands.add_parser(
        "config", parents=[settings], help="print the settings in effect as TOML"
    )
    _add_device_options(config)

    code = commands.add_parser(
        "code", parents=[settings], help="print the access code and the page's addresses"
    )
    code.add_argument("--new", action="store_true", help="create a new code; every login ends")
    _add_device_options(code)

    fleet = commands.add_parser(
        "fleet-sim", help="simulate many devices, to find out what an MQTT broker can hold"
    )
    fleet.add_argument("devices", type=number, metavar="N", help="number of devices")
    fleet.add_argument("--broker", default="localhost", metavar="HOST[:PORT]")
    fleet.add_argument(
        "--config", type=Path, metavar="FILE", help="settings: encryption, user and password"
    )
    fleet.add_argument(
        "--seconds", type=float, default=math.inf, metavar="S", help="end after this long"
    )
    tokens = commands.add_parser(
        "tokens", parents=[settings], help="list, make and revoke links for viewers and programs"
    )
    what = tokens.add_mutually_exclusive_group()
    what.add_argument("--add", metavar="NAME", help="make a token and print it, this once only")
    what.add_argument("--remove", metavar="NAME", help="revoke a token: what uses it ends")
    tokens.add_argument(
        "--for",
        dest="purpose",
        choices=("view", "metrics"),
        default="view",
        help="view: a link that shows the page (the default); metrics: only /metrics",
    )
    _add_device_options(tokens)

    commands.add_parser("version", help="print the version")
    return top


def _add_analyze_options(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--jsonl", action="store_true", help="one object per line, also on a terminal"
    )
    form.add_argument("--csv", action="store_true", help="one row per face")
    form.add_argument(
        "--summary",
        type=Path,
        metavar="DIR",
        help="one row per video, and its timeline as a PNG in DIR",
    )
    parser.add_argument(
        "--annotate", type=Path, metavar="DIR", help="write the files with faces drawn to DIR"
    )
    parser.add_argument(
        "--every", type=_count, default=1, metavar="N", help="read each Nth frame of a video"
    )
    parser.add_argument(
        "--jobs", type=_count, default=1, metavar="N", help="files to read at the same time"
    )


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _minutes(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) or not 0 < float(text) <= _MOST_MINUTES:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected a number over 0 and up to {_MOST_MINUTES}"
        )
    return float(text)


def _add_bench(bench: argparse.ArgumentParser) -> None:
    bench.add_argument(
        "path",
        nargs="?",
        type=Path,
        metavar="PATH",
        help="a video or a folder of images in place of the demo scene",
    )
    bench.add_argument(
        "--faces", type=_counts(0, 8), default=(0, 1, 2, 4, 8), metavar="N,N", help="in the demo"
    )
    bench.add_argument(
        "--frames",
        type=_count_within(2, 3000),
        default=150,
        metavar="N",
        help="frames of each clip",
    )
    bench.add_argument(
        "--rounds", type=_count_within(1, 100), default=5, metavar="N", help="passes over each clip"
    )
    bench.add_argument(
        "--threads", type=_counts(1, 8), metavar="N,N", help="by default 1 and what `run` uses"
    )
    bench.add_argument("--compare", choices=["fer"], help="another program, on the same frames")
    bench.add_argument(
        "--compare-python", type=Path, metavar="FILE", help="the Python that it is installed in"
    )
    bench.add_argument("--no-device", action="store_true", help="leave out start and memory")
    bench.add_argument("--json", action="store_true", help="print one JSON object")
    bench.add_argument("--chart", type=Path, metavar="PNG", help="write a chart")


def _count_within(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r}: expected a whole number from {least} to {most}"
            )
        return int(text)

    return convert


def _counts(least: int, most: int) -> Callable[[str], tuple[int, ...]]:
    one = _count_within(least, most)
    return lambda text: tuple(dict.fromkeys(one(part) for part in text.split(",")))


def _add_device_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source", metavar="S", help="auto, demo, picamera2, v4l2:N, file:PATH ..."
    )
    parser.add_argument("--host", metavar="ADDR", help="address the page is served on")
    parser.add_argument("--port", type=number, metavar="N", help="port the page is served on")
    parser.add_argument("--leds", metavar="MODE", help="off, per_emotion or rgb")
