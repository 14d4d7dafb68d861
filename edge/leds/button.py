"""The push button: a short press pauses and resumes, a long press shuts the Pi down."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from edge.config import ButtonConfig
from edge.errors import EdgeError, OutputError

log = logging.getLogger(__name__)

_BOUNCE_S = 0.03
"""A contact bounces for a few milliseconds; no second press occurs within this time."""


class PushButton:
    """A button between its pin and ground, on gpiozero's `pin_factory`, which stays open.

    `pressed` is called when a short press ends, `held` once when the button is down for
    `config.hold_s`; without `held` every press is a short one. Both are called from gpiozero's
    threads, and their exceptions are logged. Raises OutputError when the pin cannot be opened.
    """

    def __init__(
        self,
        config: ButtonConfig,
        pin_factory: Any,
        *,
        pressed: Callable[[], None],
        held: Callable[[], None] | None = None,
    ) -> None:
        self._pressed = pressed
        self._held = held
        self._was_held = False
        self._button = _open_button(config, pin_factory)
        self._button.when_released = self._when_released
        if held is not None:
            self._button.when_held = self._when_held

    def close(self) -> None:
        """Release the pin; allowed twice."""
        with suppress(Exception):  # lgpio's own error derives from Exception alone
            self._button.close()

    def _when_released(self) -> None:
        if self._was_held:
            self._was_held = False  # the end of a long press is not a short press
        else:
            _logged(self._pressed)

    def _when_held(self) -> None:
        self._was_held = True
        if self._held is not None:
            _logged(self._held)


def _open_button(config: ButtonConfig, pin_factory: Any) -> Any:
    from gpiozero import Button  # noqa: PLC0415 (edge imports on any machine)

    try:
        return Button(
            config.pin, bounce_time=_BOUNCE_S, hold_time=config.hold_s, pin_factory=pin_factory
        )
    except Exception as exc:  # lgpio's own error derives from Exception alone
        raise OutputError(
            f"button: cannot use GPIO {config.pin}: {exc}; is another program using it?"
        ) from exc


def _logged(action: Callable[[], None]) -> None:
    """Call `action`; an exception would end gpiozero's thread and with it the button."""
    try:
        action()
    except EdgeError as exc:
        log.error("button: %s", exc)  # noqa: TRY400 (an EdgeError needs no traceback)
    except Exception:
        log.exception("button: its action failed")
