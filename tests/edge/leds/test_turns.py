"""The LED test of a running device: on arrays of time alone, and on gpiozero's mock pins."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from wired_leds import LABELS

from edge.config import load_config
from edge.datatypes import CameraState, Health, Report
from edge.errors import OutputError
from edge.leds.animation import Animation
from edge.leds.leds import Leds
from edge.leds.turns import EACH_S, TOGETHER_S, levels_at

TESTED = (*LABELS, "status")
LONG_S = len(TESTED) * EACH_S + TOGETHER_S
pytest.importorskip("gpiozero", reason="gpiozero is not installed")


def report(camera: CameraState) -> Report:
    health = Health(camera=camera, detail="", source="test", fps=9.0, age_s=0.1, uptime_s=1.0)
    return Report(snapshot=None, health=health)


def animation(brightness: float = 1.0, camera: CameraState = CameraState.LIVE) -> Animation:
    made = Animation("per_emotion", LABELS, brightness)
    made.tell(report(camera), 100.0)
    made.advance(100.0)
    return made


def lit(levels: Any) -> list[str]:
    return [name for name, level in levels.items() if level > 0]


@pytest.mark.parametrize(
    ("elapsed_s", "expected"),
    [
        (0.0, ["a"]),
        (EACH_S * 0.99, ["a"]),
        (EACH_S * 1.01, ["b"]),
        (EACH_S * 2.01, ["a", "b"]),
        (EACH_S * 2 + TOGETHER_S * 0.99, ["a", "b"]),
    ],
)
def test_each_has_its_turn_and_then_all(elapsed_s: float, expected: list[str]) -> None:
    assert lit(levels_at(("a", "b"), elapsed_s)) == expected


@pytest.mark.parametrize("elapsed_s", [-0.001, -1e9, EACH_S * 2 + TOGETHER_S, 1e9])
def test_it_is_over_and_a_clock_set_back_ends_it(elapsed_s: float) -> None:
    assert levels_at(("a", "b"), elapsed_s) is None


def test_every_led_but_privacy_is_tested_whatever_the_faces_show() -> None:
    made = animation()
    made.begin_test(100.0)
    seen = []
    for step in range(len(TESTED)):
        levels = made.advance(100.0 + (step + 0.5) * EACH_S).levels
        assert levels["privacy"] == 1.0
        seen += [name for name in lit(levels) if name != "privacy"]
    assert tuple(seen) == TESTED
    assert lit(made.advance(100.0 + LONG_S - 0.1).levels) == [*TESTED, "privacy"]
    assert "happy" not in lit(made.advance(100.0 + LONG_S).levels)
    assert "happy" not in lit(made.advance(100.0 + LONG_S / 2).levels)  # the clock was set back


def test_the_privacy_led_stays_dark_while_the_camera_is_closed() -> None:
    made = animation(camera=CameraState.PAUSED)
    made.begin_test(100.0)
    assert lit(made.advance(100.1).levels) == ["angry"]


def test_a_low_brightness_does_not_look_like_a_broken_wire() -> None:
    made = animation(brightness=0.0)
    made.begin_test(100.0)
    assert made.advance(100.1).levels["angry"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("mode", "first"),
    [("per_emotion", ("angry", "GPIO5, pin 29")), ("rgb", ("red", "GPIO17, pin 11"))],
)
def test_the_pins_are_driven_and_named(pins: Any, mode: str, first: tuple[str, str]) -> None:
    now_s = [50.0]
    config = load_config(overrides={"leds": {"mode": mode}}).leds
    leds = Leds(config, LABELS, pins, clock=lambda: now_s[0])
    try:
        places = leds.test()
        now_s[0] += EACH_S / 2
        assert next(iter(places.items())) == (first[0], f"{first[1]} of the header")
        assert list(places)[-1] == "status"
        for name in places:
            assert eventually(lambda name=name: shown(leds) == [name] == driven(pins, places))
            now_s[0] += EACH_S
        assert eventually(lambda: driven(pins, places) == list(places))
    finally:
        leds.close()


def shown(leds: Leds) -> list[str]:
    return [name for name in lit(leds.state().levels) if name != "privacy"]


def driven(pins: Any, places: dict[str, str]) -> list[str]:
    numbers = {
        name: int(place.removeprefix("GPIO").split(",")[0]) for name, place in places.items()
    }
    return [name for name, number in numbers.items() if pins.pin(number).state > 0]


def eventually(holds: Callable[[], bool], within_s: float = 20.0) -> bool:
    deadline_s = time.monotonic() + within_s
    while not holds() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return holds()


def test_a_pin_that_fails_is_told(pins: Any) -> None:
    mock = pytest.importorskip("gpiozero.pins.mock")

    class LoosePin(mock.MockPWMPin):  # type: ignore[name-defined,misc]
        def _set_state(self, value: float) -> None:
            if value:
                raise OSError("loose")
            super()._set_state(value)

    config = load_config(overrides={"leds": {"mode": "per_emotion"}}).leds
    leds = Leds(config, LABELS, mock.MockFactory(pin_class=LoosePin))
    try:
        assert eventually(lambda: "cannot drive its pin: loose" in refusal(leds))
    finally:
        leds.close()


def refusal(leds: Leds) -> str:
    try:
        leds.test()
    except OutputError as exc:
        return str(exc)
    return ""
