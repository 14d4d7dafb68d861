"""The steps that need a person: whether each LED is lit, and whether the button is heard."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from edge.config import ButtonConfig, LedsConfig
from edge.errors import EdgeError
from edge.leds.button import PushButton
from edge.leds.wiring_test import lit_in_turn
from edge.selftest.person import NoAnswerError, Person
from edge.selftest.step import Step, failed, passed, skipped

BUTTON_S = 30.0


def try_leds(config: LedsConfig, labels: Sequence[str], pins: Any, person: Person) -> Step:
    """Light each LED alone, then all, and ask whether they are lit. `pins` is a pin factory."""
    wrong, asked = [], 0
    try:
        with lit_in_turn(config, labels, pins) as lights:
            for light in lights:
                if not person.agrees(_question(light.name, light.place)):
                    wrong.append(f"{light.name} ({light.place})" if light.place else light.name)
                asked += 1
    except EdgeError as exc:
        return failed("leds", str(exc))
    except NoAnswerError:
        return skipped("leds", f"no answer after {asked} LEDs")
    if wrong:
        return failed("leds", f"not lit, or not alone: {', '.join(wrong)}")
    return passed("leds", f"{asked - 1} LEDs, each alone and all together")


def _question(name: str, place: str) -> str:
    return f"Is the LED {name} on, and no other? ({place})" if place else "Are all LEDs on?"


def try_button(config: ButtonConfig, pins: Any, person: Person, within_s: float = BUTTON_S) -> Step:
    """Ask for a press and wait for it. A long press does nothing else here."""
    pressed = threading.Event()
    try:
        button = PushButton(config, pins, pressed=pressed.set)
    except EdgeError as exc:
        return failed("button", str(exc))
    try:
        person.tell(f"Press the button on GPIO {config.pin}, within {within_s:.0f} s.")
        heard = pressed.wait(within_s)
    finally:
        button.close()
    if heard:
        return passed("button", f"heard on GPIO {config.pin}")
    return failed("button", f"no press on GPIO {config.pin} within {within_s:g} s")
