"""The LEDs as gpiozero devices, by name."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any, Literal

from edge.config import LedsConfig
from edge.errors import ConfigError, OutputError
from edge.leds.pins import wiring


def lit_mode(config: LedsConfig) -> Literal["per_emotion", "rgb"]:
    """Return the mode. Raises ConfigError when it is "off"."""
    if config.mode == "off":
        raise ConfigError(
            '[leds] mode = "off": there is no LED to light; set it to per_emotion or rgb, '
            "or say `--leds per_emotion`"
        )
    return config.mode


def open_lamps(
    config: LedsConfig, labels: Sequence[str], pin_factory: Any, opened: ExitStack
) -> dict[str, Any]:
    """Return a gpiozero PWMLED for each LED, in the order they are shown.

    Closing `opened` turns them off and lets go of the pins. Raises ConfigError before any pin is
    touched, OutputError when a pin cannot be had.
    """
    lit_mode(config)
    lamps = {}
    for name, pin in wiring(config, labels).items():
        lamps[name] = lamp = _open_lamp(name, pin, config, pin_factory)
        opened.callback(_turn_off, lamp)
    return lamps


def _open_lamp(name: str, pin: int, config: LedsConfig, pin_factory: Any) -> Any:
    from gpiozero import PWMLED  # noqa: PLC0415 (edge imports on any machine)

    try:
        return PWMLED(pin, active_high=not config.common_anode, pin_factory=pin_factory)
    except Exception as exc:  # lgpio's own error derives from Exception alone
        raise OutputError(
            f"LED {name}: cannot use GPIO {pin}: {exc}; is another program using it? "
            "`sudo systemctl stop emotion-edge` ends the service"
        ) from exc


def _turn_off(lamp: Any) -> None:
    with suppress(Exception):  # a pin that fails must not keep the others lit
        lamp.off()
    with suppress(Exception):
        lamp.close()
