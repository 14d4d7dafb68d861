"""Simulated pins: gpiozero's mock, which enforces the rules of real pins.

The mock is made for tests and stores every change of every pin: a pulsing LED makes 40 a second.
These pins store only the last changes.
"""

from __future__ import annotations

from typing import Any

CHANGES_KEPT = 256
"""The changes stored per pin: about six seconds of a pulsing LED."""


def simulated_pins() -> Any:
    """Return a gpiozero pin factory whose pins lead nowhere. Raises ImportError without gpiozero.

    A pin's `states` are its last CHANGES_KEPT changes.
    """
    from gpiozero.pins.mock import MockFactory, MockPWMPin  # noqa: PLC0415 (any machine)

    class ForgettingPin(MockPWMPin):  # type: ignore[misc]
        def _change_state(self, value: float) -> Any:
            changed = super()._change_state(value)
            del self.states[:-CHANGES_KEPT]
            return changed

    return MockFactory(pin_class=ForgettingPin)
