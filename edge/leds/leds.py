"""The LEDs on gpiozero pins: opening them, and a sink that shows the reports on them.

Never fork once they are open: the child would share lgpio's handle without its threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Literal

from edge.config import LedsConfig
from edge.datatypes import LedState, Report
from edge.errors import ConfigError, OutputError
from edge.leds.animation import Animation
from edge.leds.mood import light_of
from edge.leds.pins import wiring
from edge.process.threads import start_thread

_TICK_S = 0.025  # 40 steps a second look smooth, and lgpio's 100 Hz PWM keeps up
_JOIN_S = 1.0
_DUTY_STEPS = 1000  # finer changes are not visible, and each write restarts the pulse


class Leds:
    """A Sink that shows the mood on LEDs; its own thread animates them.

    `labels` are the model's; `pin_factory` is gpiozero's and stays open. Raises ConfigError before
    any pin is opened, OutputError when a pin cannot be opened, ResourceError when no thread can be
    started.
    """

    name = "leds"

    def __init__(
        self,
        config: LedsConfig,
        labels: Sequence[str],
        pin_factory: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._animation = Animation(lit_mode(config), tuple(labels), config.brightness)
        self._clock = clock
        self._lock = threading.Lock()
        self._written: dict[str, float] = {}
        self._fault: OutputError | None = None
        with ExitStack() as opened:
            self._leds = open_leds(config, labels, pin_factory, opened)
            self._places = {name: place_of(led) for name, led in self._leds.items()}
            self._closing = threading.Event()
            self._thread = start_thread("leds", self._run)
            self._opened = opened.pop_all()

    def show(self, report: Report) -> None:
        """Set the report as the target of the animation; return at once.

        Raises OutputError while a pin cannot be driven.
        """
        with self._lock:
            self._animation.tell(report, self._clock())
            fault = self._fault
        if fault is not None:
            raise fault

    def state(self) -> LedState:
        """Return what the LEDs show now; callable from any thread."""
        with self._lock:
            state = self._animation.state()
        if self._closing.is_set():
            return LedState(mode=state.mode, levels=dict.fromkeys(state.levels, 0.0))
        return state

    @property
    def brightness(self) -> float:
        """The brightness of the brightest LED, 0..1."""
        return self._animation.brightness

    def set_brightness(self, brightness: float) -> None:
        """Change the brightness, 0..1, until the end of the program; callable from any thread."""
        with self._lock:
            self._animation.brightness = brightness

    def test(self) -> dict[str, str]:
        """Light each LED but privacy in turn, then all, and return each one's name and pin.

        Returns at once; see turns.py for how long each is lit. Callable from any thread. Raises
        OutputError while a pin cannot be driven.
        """
        with self._lock:
            if self._fault is not None:
                raise self._fault
            self._animation.begin_test(self._clock())
            return {name: self._places[name] for name in self._animation.tested_names}

    def close(self) -> None:
        """Turn every LED off and release the pins."""
        self._closing.set()
        self._thread.join(_JOIN_S)
        self._leds = {}
        self._opened.close()

    def _run(self) -> None:
        while not self._closing.wait(_TICK_S):
            with self._lock:
                state = self._animation.advance(self._clock())
            fault = self._write(state)
            with self._lock:
                self._fault = fault

    def _write(self, state: LedState) -> OutputError | None:
        """Drive the pins whose duty cycle changed; return the error of the last pin that failed."""
        fault = None
        for name, level in state.levels.items():
            duty = round(light_of(level) * _DUTY_STEPS) / _DUTY_STEPS
            if self._written.get(name) == duty:
                continue
            try:
                self._leds[name].value = duty
                self._written[name] = duty
            except Exception as exc:  # lgpio's own error derives from Exception alone
                fault = OutputError(f"LED {name}: cannot drive its pin: {exc}")
                fault.__cause__ = exc
        return fault


def lit_mode(config: LedsConfig) -> Literal["per_emotion", "rgb"]:
    """Return the mode. Raises ConfigError when it is "off"."""
    if config.mode == "off":
        raise ConfigError(
            '[leds] mode = "off": no LED is in use; set it to per_emotion or rgb, '
            "or pass --leds per_emotion"
        )
    return config.mode


def open_leds(
    config: LedsConfig, labels: Sequence[str], pin_factory: Any, opened: ExitStack
) -> dict[str, Any]:
    """Return a gpiozero PWMLED for each LED, in the order they are shown.

    Closing `opened` turns them off and releases the pins. Raises ConfigError before any pin is
    opened, OutputError when a pin cannot be opened.
    """
    lit_mode(config)
    leds = {}
    for name, pin in wiring(config, labels).items():
        leds[name] = led = _open_led(name, pin, config, pin_factory)
        opened.callback(_turn_off, led)
    return leds


def place_of(led: Any) -> str:
    """Return where an LED is connected: "GPIO16, pin 36 of the header"."""
    place = led.pin.info
    return f"{place.name}, pin {place.number} of the header"


def _open_led(name: str, pin: int, config: LedsConfig, pin_factory: Any) -> Any:
    from gpiozero import PWMLED  # noqa: PLC0415 (edge imports on any machine)

    try:
        return PWMLED(pin, active_high=not config.common_anode, pin_factory=pin_factory)
    except Exception as exc:  # lgpio's own error derives from Exception alone
        raise OutputError(
            f"LED {name}: cannot use GPIO {pin}: {exc}; is another program using it? "
            "`sudo systemctl stop emotion-edge` ends the service"
        ) from exc


def _turn_off(led: Any) -> None:
    with suppress(Exception):  # an error of one pin must not leave the others lit
        led.off()
    with suppress(Exception):
        led.close()
