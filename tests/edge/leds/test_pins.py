"""The wiring of LEDs, and the pins of this machine: real, simulated or missing."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
from wired_leds import LABELS, leds_config

from edge.errors import ConfigError, OutputError, PackageMissing
from edge.leds.leds import Leds
from edge.leds.pins import is_raspberry_pi, open_pin_factory, wiring
from edge.leds.simulated_pins import CHANGES_KEPT

gpiozero = pytest.importorskip("gpiozero", reason="gpiozero is not installed")


@pytest.mark.parametrize(
    ("settings", "labels", "message"),
    [
        (
            {},
            (*LABELS, "contempt"),
            r"\[leds.pins\] has no pin for contempt.*a line for each, such as contempt = 12",
        ),
        ({}, ("half asleep",), r"no pin for 'half asleep'.* such as \"half asleep\" = 12"),
        (
            {"pins": {"hapy": 4}},
            LABELS,
            r"\[leds.pins\] hapy = 4: the model has no such label; did you mean 'happy'",
        ),
        (
            {"pins": {"bored": 4}},
            LABELS[:2],
            r"\[leds.pins\] bored = 4: the model has no such label; the model has angry, disgust",
        ),
        (
            {"pins": {"bored": 16}},
            (*LABELS, "bored"),
            r"\[leds.pins\] bored = 16: \[leds.pins\] happy",
        ),
        (
            {"pins": {"status": 4}},
            (*LABELS, "status"),
            r"the model has a label 'status', which is the name of another LED",
        ),
        (
            {"pins": {"sad": 16}},
            LABELS,
            r"\[leds.pins\] sad = 16: \[leds.pins\] happy already uses this pin",
        ),
        (
            {"status_pin": 5},
            LABELS,
            r"\[leds\] status_pin = 5: \[leds.pins\] angry already uses this pin",
        ),
        (
            {"privacy_pin": 25},
            LABELS,
            r"\[leds\] privacy_pin = 25: \[leds\] status_pin already uses this pin",
        ),
        (
            {"mode": "rgb", "privacy_pin": 27},
            LABELS,
            r"\[leds.rgb_pins\] green already uses this pin",
        ),
        ({"mode": "off"}, LABELS, r'mode = "off": no LED is in use'),
    ],
)
def test_bad_wiring_is_refused_before_a_pin_is_opened(
    pins: Any, settings: dict[str, Any], labels: tuple[str, ...], message: str
):
    with pytest.raises(ConfigError, match=message):
        Leds(leds_config(**settings), labels, pins)
    assert not pins.pins


@pytest.mark.parametrize(
    ("own", "wires"),
    [
        ({"contempt": 12}, leds_config().pins | {"contempt": 12}),
        ({}, {"happy": 16, "sad": 19}),
        ({"a.b": 13, "half asleep": 5}, {"happy": 16, "a.b": 13, "half asleep": 5}),
    ],
)
def test_a_model_with_other_expressions_has_its_leds(
    pins: Any, own: dict[str, int], wires: dict[str, int]
):
    config, labels = leds_config(pins=own), tuple(wires)
    assert wiring(config, labels) == {**wires, "status": 25, "privacy": 24}
    leds = Leds(config, labels, pins)
    leds.close()
    assert tuple(leds.state().levels) == (*labels, "status", "privacy")
    assert set(pins.pins) == {pins.pin(n).info for n in (*wires.values(), 25, 24)}


def test_rgb_does_not_mind_pins_it_does_not_use():
    config = leds_config(mode="rgb", rgb_pins={"red": 5, "green": 6, "blue": 13})
    assert wiring(config, LABELS) == {
        "red": 5, "green": 6, "blue": 13, "status": 25, "privacy": 24,
    }  # fmt: skip


def test_a_machine_that_is_no_pi_gets_mock_pins(tmp_path: Path):
    assert not is_raspberry_pi(tmp_path / "model")
    board = tmp_path / "board"
    board.write_bytes(b"Some Other Board\0")
    with open_pin_factory("auto", board) as factory:
        assert type(factory).__name__ == "MockFactory"


def test_a_pi_without_usable_pins_says_so(tmp_path: Path):
    board = tmp_path / "model"
    board.write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert is_raspberry_pi(board)
    if is_raspberry_pi():
        pytest.skip("this is a Raspberry Pi: its pins do open")
    with pytest.raises((OutputError, PackageMissing), match=r"^GPIO: .*(lgpio|pins)"):
        open_pin_factory("auto", board)
    with open_pin_factory("mock", board) as factory:
        assert type(factory).__name__ == "MockFactory"


@pytest.mark.parametrize(
    ("board_name", "package", "help_text"),
    [
        ("Raspberry Pi 5", "lgpio", "sudo apt install python3-gpiozero python3-lgpio"),
        ("Some Other Board", "gpiozero", "install gpiozero"),
    ],
)
def test_pins_without_their_package_need_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board_name: str, package: str, help_text: str
):
    board = tmp_path / "model"
    board.write_bytes(board_name.encode() + b"\0")
    for module in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PackageMissing, match=help_text) as refused:
        open_pin_factory("auto", board)
    assert refused.value.exit_code == 2


def test_the_real_factory_is_called_as_it_is_defined():
    """Its module needs lgpio, which few machines have; its source is part of gpiozero."""
    source = Path(gpiozero.__file__).parent / "pins/lgpio.py"
    body = ast.parse(source.read_text("utf-8")).body
    factory = next(n for n in body if isinstance(n, ast.ClassDef) and n.name == "LGPIOFactory")
    init = next(n for n in factory.body if getattr(n, "name", "") == "__init__")
    assert isinstance(init, ast.FunctionDef)
    assert len(init.args.args) - len(init.args.defaults) == 1  # self; the rest may be left out


def test_simulated_pins_do_not_remember_for_ever(pins: Any):
    pin = pins.pin(16)
    pin.output_with_state(0)
    pin.frequency = 100
    for step in range(20 * CHANGES_KEPT):
        pin.state = step % 100 / 100
    assert len(pin.states) == CHANGES_KEPT
    assert pin.states[-1].state == pin.state == 0.19
