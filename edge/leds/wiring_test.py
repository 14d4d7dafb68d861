"""Lights each LED in turn, so that the wires can be checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from edge.config import LedsConfig
from edge.errors import OutputError
from edge.leds.leds import open_leds, place_of
from edge.leds.mood import light_of

EACH_S = 1.0
TOGETHER_S = 2.0


def walk(
    config: LedsConfig,
    labels: Sequence[str],
    pin_factory: Any,
    *,
    say: Callable[[str], None],
    wait: Callable[[float], None] = time.sleep,
    bulbs: str = "○●",
) -> None:
    """Light each LED for a second, then all of them, and turn them off at the end.

    `say` is called with one line for each LED, which names the LED and its pin. `bulbs` are the
    characters for a dark and a lit LED. Raises ConfigError before a pin is opened, OutputError when
    a pin cannot be opened or driven.
    """
    with ExitStack() as opened:
        leds = open_leds(config, labels, pin_factory, opened)
        for name, lit, pause_s in _steps(leds):
            for other, led in leds.items():
                _drive(other, led, config.brightness if other in lit else 0.0)
            say(f"{''.join(bulbs[led.value > 0] for led in leds.values())}  {name}")
            wait(pause_s)


def _steps(leds: dict[str, Any]) -> Iterator[tuple[str, set[str], float]]:
    longest = max(map(len, leds))
    for name, led in leds.items():
        yield f"{name:<{longest}}  {place_of(led)}", {name}, EACH_S
    yield "all together", set(leds), TOGETHER_S


def _drive(name: str, led: Any, level: float) -> None:
    try:
        led.value = light_of(level)
    except Exception as exc:  # lgpio's own error derives from Exception alone
        raise OutputError(f"LED {name}: cannot drive its pin: {exc}") from exc
