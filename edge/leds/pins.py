"""Assigns LEDs to pins, and opens real or simulated pins."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import tomli_w

from edge.config import ButtonConfig, LedsConfig, default_settings
from edge.config.toml_text import shown_key
from edge.errors import ConfigError, OutputError, PackageMissing
from edge.leds.animation import PRIVACY, RGB_NAMES, STATUS
from edge.leds.simulated_pins import simulated_pins

# https://www.kernel.org/doc/html/latest/devicetree/usage-model.html: the board's name, NUL-ended.
BOARD_MODEL = Path("/proc/device-tree/model")


def wiring(config: LedsConfig, labels: Sequence[str]) -> dict[str, int]:
    """Return the BCM pin of each LED by name, in the order of display.

    Raises ConfigError when a label has no pin or the name of another LED, a pin has no label, or
    two LEDs share a pin.
    """
    if config.mode == "per_emotion":
        _check_labels(config.pins, labels)
        mood = {label: (f"[leds.pins] {shown_key(label)}", config.pins[label]) for label in labels}
    else:
        legs = msgspec.structs.asdict(config.rgb_pins)
        mood = {name: (f"[leds.rgb_pins] {name}", legs[name]) for name in RGB_NAMES}
    leds = mood | {
        STATUS: ("[leds] status_pin", config.status_pin),
        PRIVACY: ("[leds] privacy_pin", config.privacy_pin),
    }
    _check_unshared(leds.values())
    return {name: pin for name, (_, pin) in leds.items()}


def check_button(button: ButtonConfig, leds: LedsConfig, labels: Sequence[str]) -> None:
    """Raise ConfigError when the button shares its pin with an LED that is in use."""
    if button.mode == "off" or leds.mode == "off":
        return
    for name, pin in wiring(leds, labels).items():
        if pin == button.pin:
            raise ConfigError(
                f"[button] pin = {pin}: the LED {name} uses this pin already; "
                "give the button its own"
            )


def _check_labels(pins: Mapping[str, int], labels: Sequence[str]) -> None:
    """Refuse a label without a pin, and a pin in the user's file without a label.

    The defaults have a pin for each label of the shipped model; another model may lack some.
    """
    if missing := [label for label in labels if label not in pins]:
        raise ConfigError(
            f"[leds.pins] has no pin for {_listed(missing)}, which the model knows; "
            f"add a line for each, such as {tomli_w.dumps({missing[0]: 12}).strip()}"
        )
    if unknown := [label for label in pins if label not in {*labels, *_default_labels()}]:
        near = difflib.get_close_matches(unknown[0], labels, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the model has {_listed(labels)}"
        raise ConfigError(
            f"[leds.pins] {shown_key(unknown[0])} = {pins[unknown[0]]}: "
            f"the model has no such label; {hint}"
        )
    if taken := [label for label in labels if label in (STATUS, PRIVACY)]:
        raise ConfigError(
            f'[leds] mode = "per_emotion": the model has a label {taken[0]!r}, which is the '
            "name of another LED; set mode to rgb or off"
        )


def _default_labels() -> set[str]:
    return set(default_settings()["leds"]["pins"])


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(map(shown_key, labels))


def _check_unshared(pins: Iterable[tuple[str, int]]) -> None:
    owner: dict[int, str] = {}
    for key, pin in pins:
        if pin in owner:
            raise ConfigError(
                f"{key} = {pin}: {owner[pin]} already uses this pin; set another pin for each LED"
            )
        owner[pin] = key


def open_pin_factory(kind: Literal["auto", "mock"], board_model: Path = BOARD_MODEL) -> Any:
    """Return a gpiozero pin factory: real pins on a Pi unless `kind` is "mock", else a mock.

    Raises PackageMissing without gpiozero or lgpio, OutputError when the pins cannot be opened.
    """
    if kind == "auto" and is_raspberry_pi(board_model):
        return _real_pins()
    try:
        return simulated_pins()
    except ImportError as exc:
        raise PackageMissing(
            f"GPIO: {exc}; install gpiozero (apt or pip), or set leds.mode and button.mode to off"
        ) from exc


def is_raspberry_pi(board_model: Path = BOARD_MODEL) -> bool:
    """Whether this machine is a Raspberry Pi."""
    try:
        return board_model.read_bytes().startswith(b"Raspberry Pi")
    except OSError:
        return False


def _real_pins() -> Any:
    # lgpio creates a named pipe in its working directory, by default the process' own.
    os.environ.setdefault("LG_WD", os.environ.get("XDG_RUNTIME_DIR", tempfile.gettempdir()))
    try:
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415 (edge imports on any machine)

        return LGPIOFactory()
    except ImportError as exc:
        raise PackageMissing(
            f"GPIO: {exc}; run: sudo apt install python3-gpiozero python3-lgpio"
        ) from exc
    except Exception as exc:  # lgpio's own error derives from Exception alone
        raise OutputError(
            f"GPIO: cannot open the pins: {exc}; is this user in the group gpio?"
        ) from exc
