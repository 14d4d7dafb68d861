"""Lights every LED in its turn, so that a person can check the wires."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from edge.config import LedsConfig
from edge.errors import OutputError
from edge.leds.lamps import open_lamps
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
    """Light each LED for a second, naming it and its pin, then all together; dark at the end.

    `say` is given one line for each; `bulbs` are the signs of a dark and a lit LED. Raises
    ConfigError before a pin is touched, OutputError when a pin cannot be had or driven.
    """
    with ExitStack() as opened:
        lamps = open_lamps(config, labels, pin_factory, opened)
        for name, lit, pause_s in _steps(lamps):
            for other, lamp in lamps.items():
                _drive(other, lamp, config.brightness if other in lit else 0.0)
            say(f"{''.join(bulbs[lamp.value > 0] for lamp in lamps.values())}  {name}")
            wait(pause_s)


def _steps(lamps: dict[str, Any]) -> Iterator[tuple[str, set[str], float]]:
    longest = max(map(len, lamps))
    for name, lamp in lamps.items():
        place = lamp.pin.info  # GPIO16 is pin 36 of the header
        yield f"{name:<{longest}}  {place.name}, pin {place.number} of the header", {name}, EACH_S
    yield "all together", set(lamps), TOGETHER_S


def _drive(name: str, lamp: Any, level: float) -> None:
    try:
        lamp.value = light_of(level)
    except Exception as exc:  # lgpio's own error derives from Exception alone
        raise OutputError(f"LED {name}: cannot drive its pin: {exc}") from exc
