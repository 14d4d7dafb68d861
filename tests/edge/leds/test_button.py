"""The button on gpiozero's mock pins, whose drive_low is a finger's press."""

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from wired_leds import LABELS

from edge.camera.fake_v4l2 import FakeUsbCamera
from edge.camera.v4l2 import V4l2Camera
from edge.config import ButtonConfig, load_config
from edge.datatypes import CameraState, Frame, Snapshot
from edge.errors import ConfigError, OutputError
from edge.kept_pause import KeptPause
from edge.leds.button import PushButton
from edge.leds.leds import Leds
from edge.leds.pins import check_button
from edge.outputs.fanout import FanOut
from edge.pausing import Pausing
from edge.service import Service
from edge.system.power import power_off

gpiozero = pytest.importorskip("gpiozero", reason="gpiozero is not installed")


def button_config(**settings: Any) -> ButtonConfig:
    button = load_config(overrides={"button": {"mode": "pause_and_shutdown"}}).button
    return msgspec.structs.replace(button, **settings)


class Heard:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.held = threading.Event()

    def press(self) -> None:
        self.calls.append("pressed")

    def hold(self) -> None:
        self.calls.append("held")
        self.held.set()


def open_button(pins: Any, heard: Heard, **settings: Any) -> PushButton:
    return PushButton(button_config(**settings), pins, pressed=heard.press, held=heard.hold)


def test_a_short_press_counts_once_it_ends(pins: Any):
    heard = Heard()
    button = open_button(pins, heard)
    pins.pin(26).drive_low()
    assert heard.calls == []
    pins.pin(26).drive_high()
    assert heard.calls == ["pressed"]
    pins.pin(26).drive_low()
    pins.pin(26).drive_high()
    assert heard.calls == ["pressed", "pressed"]
    button.close()
    button.close()


def test_a_long_press_is_no_short_one_and_the_next_short_one_is(pins: Any):
    heard = Heard()
    button = open_button(pins, heard, hold_s=0.1)
    pins.pin(26).drive_low()
    assert heard.held.wait(5)
    time.sleep(0.25)  # a hold does not repeat itself
    pins.pin(26).drive_high()
    assert heard.calls == ["held"]
    pins.pin(26).drive_low()
    pins.pin(26).drive_high()
    assert heard.calls == ["held", "pressed"]
    button.close()


def test_without_a_long_press_to_hear_every_press_is_short(pins: Any):
    heard = Heard()
    button = PushButton(button_config(hold_s=0.05), pins, pressed=heard.press)
    pins.pin(26).drive_low()
    time.sleep(0.3)
    pins.pin(26).drive_high()
    assert heard.calls == ["pressed"]
    button.close()


def test_the_pin_is_pulled_up_debounced_and_given_back(pins: Any):
    button = open_button(pins, Heard())
    pin = pins.pin(26)
    assert (pin.function, pin.pull) == ("input", "up")
    assert 0.005 <= pin.bounce <= 0.1
    button.close()
    gpiozero.LED(26, pin_factory=pins).close()
    assert not [t for t in threading.enumerate() if "HoldThread" in type(t).__name__]


class SeesNobody:
    def slow_to(self, share: float) -> None:
        """Nothing to leave out."""

    def reset(self) -> None:
        """Nothing to forget."""

    def step(self, frame: Frame) -> Snapshot:
        at_s = frame.captured_at_s
        return Snapshot(seq=frame.seq, captured_at_s=at_s, faces=(), dominant=None, stage_ms={})


def test_a_press_pauses_the_camera_and_the_privacy_led_follows(pins: Any):
    config = load_config(overrides={"leds": {"mode": "per_emotion"}})
    usb = FakeUsbCamera(0, fps=60)
    outputs = FanOut([Leds(config.leds, LABELS, pins)])
    service = Service(
        lambda: V4l2Camera(config.camera, 0, open_capture=usb.open),
        SeesNobody(),
        outputs,
        config.camera,
    )
    pausing = Pausing(service, lambda: None, config.schedule, KeptPause(None))
    button = PushButton(button_config(), pins, pressed=pausing.toggle)
    running = threading.Thread(target=service.run)
    running.start()
    try:
        eventually(lambda: service.health().camera is CameraState.LIVE)
        eventually(lambda: pins.pin(24).state > 0)
        for paused in (True, False):
            pins.pin(26).drive_low()
            pins.pin(26).drive_high()
            assert service.paused is paused
            eventually(lambda paused=paused: (pins.pin(24).state == 0) is paused)
            assert not (paused and usb.captures[-1].isOpened())
            eventually(lambda paused=paused: usb.captures[-1].isOpened() is not paused)
    finally:
        button.close()
        service.stop()
        running.join(10)
        outputs.close()


def eventually(truth: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not truth():
        assert time.monotonic() < deadline_s, "did not come true in time"
        time.sleep(0.01)


def test_a_failure_is_one_line_and_the_button_goes_on(pins: Any, caplog: pytest.LogCaptureFixture):
    heard = Heard()

    def refused() -> None:
        heard.hold()
        raise OutputError("cannot shut down: Access denied")

    def defective() -> None:
        heard.press()
        raise ZeroDivisionError

    button = PushButton(button_config(hold_s=0.05), pins, pressed=defective, held=refused)
    pins.pin(26).drive_low()
    assert heard.held.wait(5)
    pins.pin(26).drive_high()
    for _ in range(2):
        pins.pin(26).drive_low()
        pins.pin(26).drive_high()
    button.close()
    assert heard.calls == ["held", "pressed", "pressed"]
    refusal = next(r for r in caplog.records if "Access denied" in r.message)
    assert refusal.message == "button: cannot shut down: Access denied"
    assert refusal.levelno == logging.ERROR
    assert refusal.exc_info is None


def test_a_pin_in_use_is_refused(pins: Any):
    with (
        gpiozero.LED(26, pin_factory=pins),
        pytest.raises(OutputError, match=r"button: cannot use GPIO 26: .*in use"),
    ):
        open_button(pins, Heard())


@pytest.mark.parametrize(
    ("leds", "pin", "problem"),
    [
        ({"mode": "per_emotion"}, 16, r"\[button\] pin = 16: the LED happy uses this pin"),
        ({"mode": "per_emotion"}, 24, r"\[button\] pin = 24: the LED privacy uses this pin"),
        ({"mode": "rgb"}, 27, r"\[button\] pin = 27: the LED green uses this pin"),
        ({"mode": "rgb"}, 16, None),
        ({"mode": "off"}, 16, None),
    ],
)
def test_a_pin_shared_with_an_led_is_refused(leds: dict[str, Any], pin: int, problem: str | None):
    config = load_config(overrides={"leds": leds, "button": {"mode": "pause", "pin": pin}})
    if problem is None:
        check_button(config.button, config.leds, LABELS)
    else:
        with pytest.raises(ConfigError, match=problem):
            check_button(config.button, config.leds, LABELS)
    off = msgspec.structs.replace(config.button, mode="off")
    check_button(off, config.leds, LABELS)


def python(program: str) -> Callable[[], None]:
    return lambda: power_off((sys.executable, "-c", program))


def test_power_off_says_why_it_was_refused_and_what_to_do():
    python("")()
    complaint = "import sys; sys.exit('Call failed\\nInteractive authentication required.')"
    with pytest.raises(OutputError) as refused:
        python(complaint)()
    assert str(refused.value).startswith("cannot shut down: Interactive authentication required.;")
    assert "sudo poweroff" in str(refused.value)
    with pytest.raises(OutputError, match=r"cannot shut down: .*No such file"):
        power_off(("/nonexistent/systemctl",))
