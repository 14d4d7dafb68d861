"""The LEDs themselves, on gpiozero pins.

Never fork once they are open: the child would share lgpio's handle and its threads would be gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from edge.config import LedsConfig
from edge.datatypes import LedState, Report
from edge.errors import OutputError
from edge.leds.animation import Glow
from edge.leds.lamps import lit_mode, open_lamps
from edge.leds.mood import light_of
from edge.process.threads import start_thread

_TICK_S = 0.025  # 40 steps a second: a breath looks smooth, and lgpio's 100 Hz PWM keeps up
_JOIN_S = 1.0
_DUTY_STEPS = 1000  # finer changes of a duty cycle are not seen, and each write restarts the pulse


class Leds:
    """A Sink that glows with the mood; a thread of its own eases, breathes and blinks.

    `labels` are the model's; `pin_factory` is gpiozero's and stays open. Raises ConfigError before
    any pin is touched, OutputError when a pin cannot be had, ResourceError when there is no thread.
    """

    name = "leds"

    def __init__(
        self,
        config: LedsConfig,
        labels: Sequence[str],
        pin_factory: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._glow = Glow(lit_mode(config), tuple(labels), config.brightness)
        self._clock = clock
        self._lock = threading.Lock()
        self._written: dict[str, float] = {}
        self._fault: OutputError | None = None
        with ExitStack() as opened:
            self._leds = open_lamps(config, labels, pin_factory, opened)
            self._closing = threading.Event()
            self._thread = start_thread("leds", self._run)
            self._opened = opened.pop_all()

    def show(self, report: Report) -> None:
        """Aim at the report and return at once.

        Raises OutputError while a pin cannot be driven.
        """
        with self._lock:
            self._glow.tell(report, self._clock())
            fault = self._fault
        if fault is not None:
            raise fault

    def state(self) -> LedState:
        """Return what the LEDs show now, for their mirrors; callable from any thread."""
        with self._lock:
            state = self._glow.state()
        if self._closing.is_set():
            return LedState(mode=state.mode, levels=dict.fromkeys(state.levels, 0.0))
        return state

    def close(self) -> None:
        """Turn everything off and let go of the pins."""
        self._closing.set()
        self._thread.join(_JOIN_S)
        self._leds = {}
        self._opened.close()

    def _run(self) -> None:
        while not self._closing.wait(_TICK_S):
            with self._lock:
                state = self._glow.advance(self._clock())
            fault = self._write(state)
            with self._lock:
                self._fault = fault

    def _write(self, state: LedState) -> OutputError | None:
        """Drive the pins whose duty cycle changed; return what went wrong with the last bad one."""
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
