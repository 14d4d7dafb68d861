"""The questions about LEDs and button on gpiozero's mock pins, whose drive_low is a press."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from wired_leds import LABELS, leds_config, mock_pins

from edge.config import ButtonConfig, LedsConfig, load_config
from edge.leds.pins import wiring
from edge.selftest.leds_and_button import try_button, try_leds
from edge.selftest.person import NoAnswerError
from edge.selftest.step import Outcome

pytest.importorskip("gpiozero", reason="gpiozero is not installed")


pins = pytest.fixture(mock_pins)


class Watcher:
    """A person who looks at the pins and answers what is true, but for an LED that is broken."""

    is_there = True

    def __init__(self, pins: Any, config: LedsConfig, broken: str = "", leaves_after: int = 99):
        self.numbers, self.pins = wiring(config, LABELS), pins
        self.broken, self.leaves_after = broken, leaves_after
        self.asked: list[str] = []
        self.told: list[str] = []

    def lit(self) -> set[str]:
        return {n for n, pin in self.numbers.items() if self.pins.pin(pin).state} - {self.broken}

    def agrees(self, question: str) -> bool:
        if len(self.asked) == self.leaves_after:
            raise NoAnswerError
        self.asked.append(question)
        if question.startswith("Are all"):
            return self.lit() == set(self.numbers)
        return self.lit() == {question.split()[3]}

    def tell(self, line: str) -> None:
        self.told.append(line)


def button(**settings: Any) -> ButtonConfig:
    return load_config(overrides={"button": {"mode": "pause_and_shutdown", **settings}}).button


def is_released(pins: Any, numbers: dict[str, int]) -> bool:
    return {pins.pin(number).function for number in numbers.values()} == {"input"}


def test_each_led_is_asked_for_with_its_pin(pins: Any):
    person = Watcher(pins, leds_config())
    step = try_leds(leds_config(), LABELS, pins, person)
    assert (step.outcome, step.message) == (Outcome.PASS, "9 LEDs, each alone and all together")
    assert person.asked[3] == ("Is the LED happy on, and no other? (GPIO16, pin 36 of the header)")
    assert person.asked[-1] == "Are all LEDs on?"
    assert is_released(pins, person.numbers)


def test_the_colours_of_an_rgb_led(pins: Any):
    person = Watcher(pins, leds_config(mode="rgb"))
    assert try_leds(leds_config(mode="rgb"), LABELS, pins, person).outcome is Outcome.PASS
    assert [question.split()[3] for question in person.asked[:3]] == ["red", "green", "blue"]


def test_a_broken_led_is_named(pins: Any):
    step = try_leds(leds_config(), LABELS, pins, Watcher(pins, leds_config(), broken="sad"))
    assert step.outcome is Outcome.FAIL
    assert step.message.startswith("not lit, or not alone: sad (GPIO")
    assert step.message.endswith("), all together")


def test_a_person_who_leaves_is_no_failure_and_the_leds_go_off(pins: Any):
    person = Watcher(pins, leds_config(), leaves_after=2)
    step = try_leds(leds_config(), LABELS, pins, person)
    assert (step.outcome, step.message) == (Outcome.SKIPPED, "no answer after 2 LEDs")
    assert is_released(pins, person.numbers)


def test_a_pin_that_is_held_is_a_failure_that_says_what_to_stop(pins: Any):
    from gpiozero import LED

    holder = LED(16, pin_factory=pins)
    step = try_leds(leds_config(), LABELS, pins, Watcher(pins, leds_config()))
    assert step.outcome is Outcome.FAIL
    assert "GPIO 16" in step.message
    assert "sudo systemctl stop emotion-edge" in step.message
    holder.close()
    holder = LED(button().pin, pin_factory=pins)
    assert try_button(button(), pins, Watcher(pins, leds_config())).outcome is Outcome.FAIL
    holder.close()


def test_a_press_is_heard_and_the_pin_is_released(pins: Any):
    pin = pins.pin(button().pin)

    class Presser(Watcher):
        def tell(self, line: str) -> None:
            super().tell(line)
            finger: Callable[[], None] = lambda: (pin.drive_low(), pin.drive_high())  # noqa: E731
            threading.Timer(0.05, finger).start()

    person = Presser(pins, leds_config())
    step = try_button(button(), pins, person)
    assert (step.outcome, step.message) == (Outcome.PASS, f"heard on GPIO {button().pin}")
    assert person.told == [f"Press the button on GPIO {button().pin}, within 30 s."]
    assert pin.function == "input"
    assert try_button(button(), pins, Watcher(pins, leds_config()), within_s=0.05).message == (
        f"no press on GPIO {button().pin} within 0.05 s"
    )
