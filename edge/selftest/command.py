"""`emotion-edge selftest`: takes the steps, prints them, and writes the report to send."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from edge import __version__
from edge.bench.machine import machine
from edge.config import Config
from edge.errors import EdgeError, OutputError, UsageError
from edge.leds.pins import check_button, is_raspberry_pi, open_pin_factory
from edge.models import load_labels
from edge.process.signals import listen
from edge.selftest.leds_and_button import try_button, try_leds
from edge.selftest.person import Person
from edge.selftest.run import observe
from edge.selftest.step import Outcome, Step, failed, skipped
from edge.system.probe import ask_device


def selftest(args: argparse.Namespace, config: Config) -> int:
    """Run the command; return its exit code. Raises EdgeError."""
    _check_writable(args.report)
    if ask_device(config.web) is not None:
        raise OutputError(
            "the device is running and holds the camera and the pins: "
            "sudo systemctl stop emotion-edge"
        )
    person = Person(sys.stdin, sys.stdout)
    steps = wired_steps(config, person)
    person.tell(f"Now the camera for {args.minutes:g} minutes. Let it see a face now and then.")
    camera, figures = observe(config, args.minutes * 60, person.tell, ends=_stop_on_signal)
    steps.append(camera)
    _write(args.report, report_of(config, steps, figures))
    for step in steps:
        person.tell(step.line())
    person.tell(f"report: {args.report}; it holds no image, no secret and no address")
    return 1 if any(step.outcome is Outcome.FAIL for step in steps) else 0


def _stop_on_signal(stop: Callable[[], None]) -> None:
    """Let Ctrl-C end the run with the camera, so that a report is written all the same."""
    listen().be_orderly()
    listen().calls(stop)


def wired_steps(config: Config, person: Person, pins: Any = None) -> list[Step]:
    """Return the steps of the LEDs and the button; the pin factory `pins` replaces the board's."""
    is_real = pins is not None or (config.leds.factory == "auto" and is_raspberry_pi())
    reasons = {
        "leds": _why_skipped(config.leds.mode, person, is_real=is_real),
        "button": _why_skipped(config.button.mode, person, is_real=is_real),
    }
    if all(reasons.values()):
        return [skipped(name, why) for name, why in reasons.items()]
    try:
        labels = load_labels(config)
        check_button(config.button, config.leds, labels)
        opened = pins or open_pin_factory(config.leds.factory)
    except EdgeError as exc:
        return _steps(reasons, dict.fromkeys(reasons, partial(failed, message=str(exc))))
    with closing(opened):
        return _steps(
            reasons,
            {
                "leds": lambda _: try_leds(config.leds, labels, opened, person),
                "button": lambda _: try_button(config.button, opened, person),
            },
        )


def _steps(reasons: Mapping[str, str], take: Mapping[str, Callable[[str], Step]]) -> list[Step]:
    """Take each step that there is no reason to skip."""
    return [skipped(name, why) if why else take[name](name) for name, why in reasons.items()]


def _why_skipped(mode: str, person: Person, *, is_real: bool) -> str:
    """Return why a step is not taken, "" when it is."""
    if mode == "off":
        return "its mode is off in the settings"
    if not is_real:
        return "the pins are simulated: this is no Raspberry Pi, or leds.factory is mock"
    return "" if person.is_there else "standard input is no terminal, so nothing can be asked"


def report_of(config: Config, steps: list[Step], figures: dict[str, Any]) -> dict[str, Any]:
    """Return the report as JSON-ready values. What names a person or a place is left out."""
    return {
        "program": f"emotion-edge {__version__}",
        "machine": machine(),
        "settings": {
            "camera": [config.camera.width, config.camera.height, config.camera.fps],
            "leds": config.leds.mode,
            "button": config.button.mode,
            "detector": config.detector.kind,
            "own_model": config.classifier.model != "auto",
        },
        "steps": [step.to_dict() for step in steps],
        "run": figures,
    }


def _check_writable(path: Path) -> None:
    """Find out before ten minutes of work whether the report can be written."""
    try:
        path.open("ab").close()
    except OSError as exc:
        raise _unwritable(path, exc) from exc


def _write(path: Path, report: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    except OSError as exc:
        raise _unwritable(path, exc) from exc


def _unwritable(path: Path, exc: OSError) -> UsageError:
    return UsageError(f"--report {path}: cannot write it: {exc.strerror}; name another file")
