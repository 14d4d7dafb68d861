"""README's table and the wiring diagram say what the settings say."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edge.config import load_config
from edge.leds.pins import open_pin_factory

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
gpiozero = pytest.importorskip("gpiozero", reason="gpiozero is not installed")


def section(title: str) -> str:
    readme = (ROOT / "README.md").read_text("utf-8")
    return readme.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def cells(text: str) -> list[list[str]]:
    """The rows of the section's table below its head."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def wired() -> dict[str, int]:
    """The GPIO number of everything that default.toml names."""
    config = load_config()
    legs = {name: getattr(config.leds.rgb_pins, name) for name in ("red", "green", "blue")}
    own = {"status": config.leds.status_pin, "privacy": config.leds.privacy_pin}
    return {**config.leds.pins, **legs, **own, "button": config.button.pin}


def header_pin(gpio: int) -> int:
    with open_pin_factory("mock") as factory:
        return int(factory.pin(gpio).info.number)


def test_the_table_of_pins_is_that_of_the_settings():
    rows = cells(section("LEDs"))
    triples = [tuple(row[i : i + 3]) for row in rows for i in (0, 3) if row[i]]
    assert sorted(triples) == sorted(
        (name, str(gpio), str(header_pin(gpio))) for name, gpio in wired().items()
    )


def test_the_diagram_shows_the_pins_of_the_settings():
    tree = ElementTree.parse(ROOT / "wiring.svg")  # noqa: S314 (our own file)
    words = [text.text or "" for text in tree.iter(f"{SVG}text")]
    assert sorted(int(w.split()[1]) for w in words if w.startswith("GPIO ")) == sorted(
        wired().values()
    )
    assert set(wired()) <= {word.split()[0] for word in words if word.split()}
    shapes = [shape for shape in tree.iter() if "pin" in shape.get("class", "").split()]
    numbers = [int(word) for word in words if word.isdecimal()]
    assert numbers == list(range(1, 41))
    lit = {n for n, shape in zip(numbers, shapes, strict=True) if "used" in shape.get("class", "")}
    assert lit == {header_pin(gpio) for gpio in wired().values()}
