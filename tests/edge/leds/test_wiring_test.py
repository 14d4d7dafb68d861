"""Walking through the LEDs on gpiozero's mock pins."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from wired_leds import LABELS, leds_config

from edge.errors import OutputError
from edge.leds.mood import light_of
from edge.leds.pins import wiring
from edge.leds.terminal import can_encode
from edge.leds.wiring_test import EACH_S, TOGETHER_S, walk

pytest.importorskip("gpiozero", reason="gpiozero is not installed")


class Walk:
    """Notes what the pins show at each pause."""

    def __init__(self, pins: Any, config: Any, end_after: int | None = None) -> None:
        self.pins, self.config, self.end_after = pins, config, end_after
        self.numbers = wiring(config, LABELS)
        self.said: list[str] = []
        self.lit: list[list[str]] = []
        self.pauses: list[float] = []

    def wait(self, pause_s: float) -> None:
        self.pauses.append(pause_s)
        dark = float(self.config.common_anode)
        self.lit.append([n for n, pin in self.numbers.items() if self.pins.pin(pin).state != dark])
        if len(self.lit) == self.end_after:
            raise KeyboardInterrupt

    def run(self) -> None:
        walk(self.config, LABELS, self.pins, say=self.said.append, wait=self.wait)


@pytest.mark.parametrize("common_anode", [False, True])
def test_each_led_is_lit_alone_then_all_and_none_at_the_end(pins: Any, common_anode: bool):
    tour = Walk(pins, leds_config(common_anode=common_anode))
    tour.run()
    names = [*LABELS, "status", "privacy"]
    assert tour.lit == [*([name] for name in names), names]
    assert tour.pauses == [*[EACH_S] * 9, TOGETHER_S]
    assert [pins.pin(n).function for n in tour.numbers.values()] == ["input"] * 9
    assert tour.said[3] == "○○○●○○○○○  happy     GPIO16, pin 36 of the header"
    assert tour.said[-1] == "●●●●●●●●●  all together"


def test_rgb_walks_through_the_three_legs_at_the_brightness_asked_for(pins: Any):
    tour = Walk(pins, leds_config(mode="rgb", brightness=0.5))
    tour.run()
    assert [names[0] for names in tour.lit[:-1]] == ["red", "green", "blue", "status", "privacy"]
    assert max(s.state for s in pins.pin(17).states) == pytest.approx(light_of(0.5), abs=1e-6)


@pytest.mark.parametrize("common_anode", [False, True])
def test_an_interruption_leaves_everything_dark(pins: Any, common_anode: bool):
    tour = Walk(pins, leds_config(common_anode=common_anode), end_after=4)
    with pytest.raises(KeyboardInterrupt):
        tour.run()
    assert tour.lit[-1] == ["happy"]
    states = [s.state for s in pins.pin(16).states]
    assert (states[-2] if common_anode else states[-1]) == float(common_anode)
    assert pins.pin(16).function == "input"


def test_a_pin_that_cannot_be_driven_is_named_and_the_rest_goes_dark():
    mock = pytest.importorskip("gpiozero.pins.mock")

    class LoosePin(mock.MockPWMPin):  # type: ignore[name-defined,misc]
        def _set_state(self, value: float) -> None:
            if value and self.info.name == "GPIO16":
                raise OSError("lead off")
            super()._set_state(value)

    pins = mock.MockFactory(pin_class=LoosePin)
    with pytest.raises(OutputError, match="LED happy: cannot drive its pin: lead off"):
        walk(leds_config(), LABELS, pins, say=lambda line: None, wait=lambda s: None)
    assert pins.pin(13).function == "input"


def emotion_edge(folder: Path, *args: str) -> subprocess.Popen[str]:
    (folder / "my.toml").touch()  # not what may be installed on this machine
    # As in a terminal: what a script starts with "&" ignores SIGINT, and so do its children.
    as_in_a_terminal = ["/usr/bin/env", "--default-signal"]
    leds = [sys.executable, "-m", "edge", "leds", "--config", str(folder / "my.toml"), *args]
    return subprocess.Popen(
        [*as_in_a_terminal, *leds],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_ends_when_told_in_plain_letters_where_bulbs_cannot_be_shown(
    tmp_path: Path, number: int
):
    assert not can_encode(io.TextIOWrapper(io.BytesIO(), "ascii"), "○●")
    with emotion_edge(tmp_path, "--leds", "per_emotion") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(number)
        _, complaint = process.communicate(timeout=20)
    assert "no LED is connected" in lines[0]
    assert lines[1] == "*........  angry     GPIO5, pin 29 of the header\n"
    assert process.returncode == 130
    assert complaint == ""


def test_the_command_without_leds_says_what_to_set(tmp_path: Path):
    with emotion_edge(tmp_path) as process:
        output, complaint = process.communicate(timeout=20)
    assert output == ""
    assert process.returncode == 2
    assert complaint == (
        f'emotion-edge: {tmp_path}/my.toml: [leds] mode = "off": no LED is in use; set it to '
        "per_emotion or rgb, or pass --leds per_emotion\n"
    )


@pytest.mark.parametrize(
    "command", [("leds", "--leds", "per_emotion"), ("run", "--source", "demo")]
)
def test_a_pin_that_does_not_suit_the_model_is_told_with_its_file(
    tmp_path: Path, command: tuple[str, ...]
):
    file = tmp_path / "my.toml"
    file.write_text(f"[leds.pins]\nbored = 12\n[state]\nfolder = '{tmp_path}'\n[web]\nport = 0\n")
    ran = subprocess.run(
        [sys.executable, "-m", "edge", *command, "--config", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"emotion-edge: {file}: [leds.pins] bored = 12: the model has no")
    assert ran.stderr.count("\n") == 1
