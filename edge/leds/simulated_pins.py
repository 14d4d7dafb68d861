"""Pins for machines that have none: gpiozero's mock, which enforces the real pins' rules.

The mock is made for tests and keeps every change of every pin for ever: a breathing LED alone
makes 40 a second. Ours keep the last ones, which is what a test looks at.
"""

from __future__ import annotations

from typing import Any

CHANGES_KEPT = 256
"""Of each pin: some six seconds of an LED that breathes."""


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
