"""The LEDs on gpiozero's strict mock pins: every pin it drives is one it opened and closed."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from wired_leds import LABELS, leds_config

from edge.datatypes import BBox, CameraState, FaceState, Health, Report, Snapshot
from edge.errors import OutputError
from edge.leds.leds import Leds
from edge.leds.mood import light_of
from edge.leds.pins import wiring
from edge.palette import colour_of

gpiozero = pytest.importorskip("gpiozero", reason="gpiozero is not installed")


def report(
    label: str | None = None, confidence: float = 1.0, camera: CameraState = CameraState.LIVE
) -> Report:
    probs = {label: 1.0} if label else {}
    face = FaceState(
        track_id=1, box=BBox(0, 0, 9, 9), label=label, confidence=confidence, probs=probs
    )
    seen = Snapshot(
        seq=1, captured_at_s=0.0, faces=(face,) if label else (), dominant=label, stage_ms={}
    )
    health = Health(camera=camera, detail="", source="test", fps=15.0, age_s=0.1, uptime_s=1.0)
    return Report(snapshot=seen, health=health)


def eventually(holds: Callable[[], bool], within_s: float = 2.0) -> bool:
    deadline_s = time.monotonic() + within_s
    while not holds() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return holds()


@pytest.fixture
def open_leds(pins: Any) -> Iterator[Callable[..., Leds]]:
    with ExitStack() as opened:

        def open_and_close(pins: Any = pins, **settings: Any) -> Leds:
            leds = Leds(leds_config(**settings), LABELS, pins)
            opened.callback(leds.close)
            return leds

        yield open_and_close


def duty(pins: Any, number: int) -> float:
    return pins.pin(number).state


def test_per_emotion_follows_the_reports_without_a_jump(pins: Any, open_leds: Callable[..., Leds]):
    leds = open_leds()
    leds.show(report("happy", 0.8))
    assert eventually(lambda: duty(pins, 16) == pytest.approx(light_of(0.8), abs=1e-3))
    leds.show(report("sad", 0.5))
    assert eventually(lambda: duty(pins, 19) == pytest.approx(light_of(0.5), abs=1e-3))
    assert eventually(lambda: duty(pins, 16) == 0.0)
    leds.close()
    rise = [s.state for s in pins.pin(16).states]
    top = rise.index(max(rise))
    assert rise[: top + 1] == sorted(rise[: top + 1])
    assert rise[top:] == sorted(rise[top:], reverse=True)
    assert len(rise) > 6
    assert {s.state for s in pins.pin(5).states} == {0.0}


def test_the_brightness_can_be_changed(pins: Any, open_leds: Callable[..., Leds]):
    leds = open_leds()
    leds.show(report("happy"))
    assert eventually(lambda: duty(pins, 16) == pytest.approx(1.0, abs=1e-3))
    leds.set_brightness(0.5)
    assert leds.brightness == 0.5
    assert eventually(lambda: duty(pins, 16) == pytest.approx(light_of(0.5), abs=1e-3))


def test_rgb_shows_the_mood_s_colour_and_goes_dark_when_nobody_is_there(
    pins: Any, open_leds: Callable[..., Leds]
):
    leds = open_leds(mode="rgb")
    leds.show(report("surprise"))
    wanted = [light_of(code / 255) for code in colour_of("surprise")]
    assert eventually(lambda: rgb(pins) == pytest.approx(wanted, abs=1e-3))
    leds.show(report())
    assert eventually(lambda: rgb(pins) == [0.0, 0.0, 0.0])


def rgb(pins: Any) -> list[float]:
    return [duty(pins, number) for number in (17, 27, 22)]


def test_a_steady_led_is_left_alone(open_leds: Callable[..., Leds]):
    mock = pytest.importorskip("gpiozero.pins.mock")

    class CountingPin(mock.MockPWMPin):  # type: ignore[name-defined,misc]
        def _set_state(self, value: float) -> None:
            self.writes = getattr(self, "writes", 0) + 1
            super()._set_state(value)

    pins = mock.MockFactory(pin_class=CountingPin)
    leds = open_leds(pins)
    leds.show(report("happy"))
    assert eventually(lambda: duty(pins, 16) == 1.0)
    writes = pins.pin(16).writes
    for _ in range(10):
        leds.show(report("happy"))
        time.sleep(0.02)
    assert pins.pin(16).writes == writes


def test_a_lost_camera_is_seen_within_two_seconds_of_the_last_report(
    pins: Any, open_leds: Callable[..., Leds]
):
    leds = open_leds()
    leds.show(report("happy"))
    assert eventually(lambda: duty(pins, 16) == 1.0)
    assert eventually(lambda: duty(pins, 16) == 0.0, within_s=2.0)
    begin = len(pins.pin(25).states)
    assert eventually(lambda: len(pins.pin(25).states) > begin + 4, within_s=2.0)
    assert {s.state for s in pins.pin(25).states[-4:]} == {0.0, 1.0}


def test_a_paused_camera_darkens_the_privacy_led(pins: Any, open_leds: Callable[..., Leds]):
    leds = open_leds()
    assert eventually(lambda: duty(pins, 24) == 1.0)
    leds.show(report("happy", camera=CameraState.PAUSED))
    assert eventually(lambda: duty(pins, 24) == 0.0)


def test_a_common_anode_led_is_driven_upside_down(pins: Any, open_leds: Callable[..., Leds]):
    leds = open_leds(common_anode=True)
    leds.show(report("happy"))
    assert eventually(lambda: duty(pins, 16) == 0.0)
    assert duty(pins, 19) == 1.0
    assert leds.state().levels["happy"] == 1.0


def test_the_mirror_names_every_led_in_its_order(pins: Any, open_leds: Callable[..., Leds]):
    leds = open_leds()
    assert tuple(leds.state().levels) == (*LABELS, "status", "privacy")
    assert leds.state().mode == "per_emotion"
    leds.show(report("happy", 0.8))
    assert eventually(lambda: leds.state().levels["happy"] == 0.8)
    leds.close()
    assert set(leds.state().levels.values()) == {0.0}


@pytest.mark.parametrize("common_anode", [False, True])
def test_close_turns_everything_off_and_frees_the_pins(
    pins: Any, open_leds: Callable[..., Leds], common_anode: bool
):
    leds = open_leds(common_anode=common_anode)
    leds.show(report("happy"))
    assert eventually(lambda: leds.state().levels["happy"] == 1.0)
    off = float(common_anode)
    leds.close()
    leds.close()
    for number in wiring(leds_config(), LABELS).values():
        pin = pins.pin(number)
        assert pin.function == "input"
        # The last thing driven was "off"; letting go of the PWM then drops the mock pin to 0.
        driven = [s.state for s in pin.states]
        assert (driven[-2] if common_anode else driven[-1]) == off
        gpiozero.LED(number, pin_factory=pins).close()
    assert not [t for t in threading.enumerate() if t.name == "leds"]


def test_a_pin_in_use_is_refused_and_the_others_are_given_back(pins: Any):
    with gpiozero.LED(21, pin_factory=pins):
        with pytest.raises(OutputError, match=r"LED neutral: cannot use GPIO 21: .*in use"):
            Leds(leds_config(), LABELS, pins)
        for number in (5, 6, 13, 16, 19, 20):
            gpiozero.LED(number, pin_factory=pins).close()
    assert not [t for t in threading.enumerate() if t.name == "leds"]


def test_a_pin_that_fails_is_reported_until_it_works_again(open_leds: Callable[..., Leds]):
    mock = pytest.importorskip("gpiozero.pins.mock")
    broken = threading.Event()

    class LoosePin(mock.MockPWMPin):  # type: ignore[name-defined,misc]
        def _set_state(self, value: float) -> None:
            if broken.is_set() and self.info.name == "GPIO16":
                raise OSError("lead off")
            super()._set_state(value)

    leds = open_leds(mock.MockFactory(pin_class=LoosePin))
    leds.show(report("happy", 0.5))
    broken.set()
    assert eventually(lambda: raises(leds, "happy", "LED happy: cannot drive its pin: lead off"))
    broken.clear()
    assert eventually(lambda: raises(leds, "happy", None))


def raises(leds: Leds, label: str, message: str | None) -> bool:
    try:
        leds.show(report(label))
    except OutputError as exc:
        return str(exc) == message
    return message is None
