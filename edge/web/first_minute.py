"""The check with which the page greets the owner once: the routes of its buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from flask import Flask, Response
from werkzeug.exceptions import Conflict, ServiceUnavailable

from edge.errors import EdgeError
from edge.web.responses import as_json


class Greeting(Protocol):
    """Whether the page greets, and the end of that."""

    @property
    def is_due(self) -> bool:
        """Whether the page greets."""
        ...

    def finish(self) -> bool:
        """End it on all screens; return whether that holds after a restart."""
        ...


class NoGreeting:
    """The greeting of a device that never greets."""

    is_due = False

    def finish(self) -> bool:
        """There is nothing to end."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class LedTest:
    """The test of a device's LEDs, each for `each_s`, then all for `together_s`.

    `begin` returns the name and pin of each, in this order, or raises EdgeError. Simulated LEDs are
    seen on the page and in the terminal only.
    """

    begin: Callable[[], Mapping[str, str]]
    each_s: float
    together_s: float
    is_simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstMinute:
    """What the check consists of; `led_test` is None without LEDs."""

    greeting: Greeting
    led_test: LedTest | None = None


NO_FIRST_MINUTE = FirstMinute(greeting=NoGreeting())


def add_first_minute(app: Flask, first_minute: FirstMinute) -> None:
    """Add the routes `/api/first-minute` and `/api/leds/test`."""

    @app.post("/api/first-minute")
    def finish_first_minute() -> Response:
        return as_json({"due": False, "kept": first_minute.greeting.finish()})

    @app.post("/api/leds/test")
    def test_leds() -> Response:
        test = first_minute.led_test
        if test is None:
            raise Conflict('no LED is in use: set [leds] mode to "per_emotion" or "rgb"')
        try:
            places = test.begin()
        except EdgeError as exc:
            raise ServiceUnavailable(f"the LEDs cannot be tested: {exc}") from exc
        return as_json(
            {
                "leds": [{"name": name, "pin": pin} for name, pin in places.items()],
                "each_s": test.each_s,
                "together_s": test.together_s,
                "simulated": test.is_simulated,
            }
        )
