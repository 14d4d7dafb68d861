"""LEDs wired as shipped, on gpiozero's strict mock pins."""

from collections.abc import Iterator
from typing import Any

from edge.config import LedsConfig, load_config
from edge.leds.pins import open_pin_factory

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def leds_config(**settings: Any) -> LedsConfig:
    return load_config(overrides={"leds": {"mode": "per_emotion", **settings}}).leds


def mock_pins() -> Iterator[Any]:
    """The fixture `pins` of a test."""
    factory = open_pin_factory("mock")
    yield factory
    factory.close()
