"""Lights each LED in turn, so that the wires can be checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from edge.config import LedsConfig
from edge.errors import OutputError
from edge.leds.leds import open_leds, place_of
from edge.leds.mood import light_of
from edge.leds.pins import wiring

EACH_S = 1.0
TOGETHER_S = 2.0


class Light(NamedTuple):
    """One step: which LEDs are lit, in their order, and for how long.

    `place` is the pin, such as "GPIO16, pin 36 of the header", "" for all LEDs together.
    """

    name: str
    place: str
    lit: tuple[bool, ...]
    pause_s: float


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
    longest = max(map(len, wiring(config, labels)))
    with lit_in_turn(config, labels, pin_factory) as lights:
        for light in lights:
            shown = "".join(bulbs[is_lit] for is_lit in light.lit)
            say(f"{shown}  {light.name:<{longest}}  {light.place}".rstrip())
            wait(light.pause_s)


@contextmanager
def lit_in_turn(
    config: LedsConfig, labels: Sequence[str], pin_factory: Any
) -> Iterator[Iterator[Light]]:
    """Open the LEDs; yield an iterator that lights each alone, and then all. Raises as `walk`."""
    with ExitStack() as opened:
        yield _lights(open_leds(config, labels, pin_factory, opened), config.brightness)


def _lights(leds: dict[str, Any], brightness: float) -> Iterator[Light]:
    for name, place, together, pause_s in _steps(leds):
        for other, led in leds.items():
            _drive(other, led, brightness if other in together else 0.0)
        yield Light(name, place, tuple(led.value > 0 for led in leds.values()), pause_s)


def _steps(leds: dict[str, Any]) -> Iterator[tuple[str, str, set[str], float]]:
    for name, led in leds.items():
        yield name, place_of(led), {name}, EACH_S
    yield "all together", "", set(leds), TOGETHER_S


def _drive(name: str, led: Any, level: float) -> None:
    try:
        led.value = light_of(level)
    except Exception as exc:  # lgpio's own error derives from Exception alone
        raise OutputError(f"LED {name}: cannot drive its pin: {exc}") from exc
