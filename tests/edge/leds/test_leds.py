"""The LEDs on gpiozero's strict mock pins: every pin it drives is one it opened and closed."""

import ast
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from edge.config import LedsConfig, load_config
from edge.datatypes import BBox, CameraState, FaceState, Health, Report, Snapshot
from edge.errors import ConfigError, OutputError, PackageMissing
from edge.leds.leds import Leds
from edge.leds.mood import light_of
from edge.leds.pins import is_raspberry_pi, open_pin_factory, wiring
from edge.leds.simulated_pins import CHANGES_KEPT
from edge.palette import colour_of

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
gpiozero = pytest.importorskip("gpiozero", reason="gpiozero is not installed")


def leds_config(**settings: Any) -> LedsConfig:
    return load_config(overrides={"leds": {"mode": "per_emotion", **settings}}).leds


def report(
    label: str | None = None, confidence: float = 1.0, camera: CameraState = CameraState.LIVE
) -> Report:
    probs = {label: 1.0} if label else {}
    face = FaceState(
        track_id=1, box=BBox(0, 0, 9, 9), label=label, confidence=confidence, probs=probs
    )
    seen = Snapshot(
        seq=1, captured_at_s=0.0, faces=(face,) if label else (), dominant=label, stage_ms={}
    )
    health = Health(camera=camera, detail="", source="test", fps=15.0, age_s=0.1, uptime_s=1.0)
    return Report(snapshot=seen, health=health)


def eventually(holds: Callable[[], bool], within_s: float = 2.0) -> bool:
    deadline_s = time.monotonic() + within_s
    while not holds() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return holds()


@pytest.fixture
def pins() -> Iterator[Any]:
    factory = open_pin_factory("mock")
    yield factory
    factory.close()


@pytest.fixture
def open_leds(pins: Any) -> Iterator[Callable[..., Leds]]:
    with ExitStack() as opened:

        def open_and_close(pins: Any = pins, **settings: Any) -> Leds:
            leds = Leds(leds_config(**settings), LABELS, pins)
            opened.callback(leds.close)
            return leds

        yield open_and_close


def duty(pins: Any, number: int) -> float:
    return pins.pin(number).state


def test_per_emotion_follows_the_reports_without_a_jump(pins: Any, open_leds: Callable[..., Leds]):
    leds = open_leds()
    leds.show(report("happy", 0.8))
    assert eventually(lambda: duty(pins, 16) == pytest.approx(light_of(0.8), abs=1e-3))
    leds.show(report("sad", 0.5))
    assert eventually(lambda: duty(pins, 19) == pytest.approx(light_of(0.5), abs=1e-3))
    assert eventually(lambda: duty(pins, 16) == 0.0)
    leds.close()
    rise = [s.state for s in pins.pin(16).states]
    top = rise.index(max(rise))
    assert rise[: top + 1] == sorted(rise[: top + 1])
    assert rise[top:] == sorted(rise[top:], reverse=True)
    assert len(rise) > 6
    assert {s.state for s in pins.pin(5).states} == {0.0}


def test_the_brightness_can_be_changed(pins: Any, open_leds: Callable[..., Leds]):
    leds = open_leds()
    leds.show(report("happy"))
    assert eventually(lambda: duty(pins, 16) == pytest.approx(1.0, abs=1e-3))
    leds.set_brightness(0.5)
    assert leds.brightness == 0.5
    assert eventually(lambda: duty(pins, 16) == pytest.approx(light_of(0.5), abs=1e-3))


def test_rgb_shows_the_mood_s_colour_and_goes_dark_when_nobody_is_there(
    pins: Any, open_leds: Callable[..., Leds]
):
    leds = open_leds(mode="rgb")
    leds.show(report("surprise"))
    wanted = [light_of(code / 255) for code in colour_of("surprise")]
    assert eventually(lambda: rgb(pins) == pytest.approx(wanted, abs=1e-3))
    leds.show(report())
    assert eventually(lambda: rgb(pins) == [0.0, 0.0, 0.0])


def rgb(pins: Any) -> list[float]:
    return [duty(pins, number) for number in (17, 27, 22)]


def test_a_steady_led_is_left_alone(open_leds: Callable[..., Leds]):
    mock = pytest.importorskip("gpiozero.pins.mock")

    class CountingPin(mock.MockPWMPin):  # type: ignore[name-defined,misc]
        def _set_state(self, value: float) -> None:
            self.writes = getattr(self, "writes", 0) + 1
            super()._set_state(value)

    pins = mock.MockFactory(pin_class=CountingPin)
    leds = open_leds(pins)
    leds.show(report("happy"))
    assert eventually(lambda: duty(pins, 16) == 1.0)
    writes = pins.pin(16).writes
    for _ in range(10):
        leds.show(report("happy"))
        time.sleep(0.02)
    assert pins.pin(16).writes == writes


def test_a_lost_camera_is_seen_within_two_seconds_of_the_last_report(
    pins: Any, open_leds: Callable[..., Leds]
):
    leds = open_leds()
    leds.show(report("happy"))
    assert eventually(lambda: duty(pins, 16) == 1.0)
    assert eventually(lambda: duty(pins, 16) == 0.0, within_s=2.0)
    begin = len(pins.pin(25).states)
    assert eventually(lambda: len(pins.pin(25).states) > begin + 4, within_s=2.0)
    assert {s.state for s in pins.pin(25).states[-4:]} == {0.0, 1.0}


def test_a_paused_camera_darkens_the_privacy_led(pins: Any, open_leds: Callable[..., Leds]):
    leds = open_leds()
    assert eventually(lambda: duty(pins, 24) == 1.0)
    leds.show(report("happy", camera=CameraState.PAUSED))
    assert eventually(lambda: duty(pins, 24) == 0.0)


def test_a_common_anode_led_is_driven_upside_down(pins: Any, open_leds: Callable[..., Leds]):
    leds = open_leds(common_anode=True)
    leds.show(report("happy"))
    assert eventually(lambda: duty(pins, 16) == 0.0)
    assert duty(pins, 19) == 1.0
    assert leds.state().levels["happy"] == 1.0


def test_the_mirror_names_every_led_in_its_order(pins: Any, open_leds: Callable[..., Leds]):
    leds = open_leds()
    assert tuple(leds.state().levels) == (*LABELS, "status", "privacy")
    assert leds.state().mode == "per_emotion"
    leds.show(report("happy", 0.8))
    assert eventually(lambda: leds.state().levels["happy"] == 0.8)
    leds.close()
    assert set(leds.state().levels.values()) == {0.0}


@pytest.mark.parametrize("common_anode", [False, True])
def test_close_turns_everything_off_and_frees_the_pins(
    pins: Any, open_leds: Callable[..., Leds], common_anode: bool
):
    leds = open_leds(common_anode=common_anode)
    leds.show(report("happy"))
    assert eventually(lambda: leds.state().levels["happy"] == 1.0)
    off = float(common_anode)
    leds.close()
    leds.close()
    for number in wiring(leds_config(), LABELS).values():
        pin = pins.pin(number)
        assert pin.function == "input"
        # The last thing driven was "off"; letting go of the PWM then drops the mock pin to 0.
        driven = [s.state for s in pin.states]
        assert (driven[-2] if common_anode else driven[-1]) == off
        gpiozero.LED(number, pin_factory=pins).close()
    assert not [t for t in threading.enumerate() if t.name == "leds"]


def test_a_pin_in_use_is_refused_and_the_others_are_given_back(pins: Any):
    with gpiozero.LED(21, pin_factory=pins):
        with pytest.raises(OutputError, match=r"LED neutral: cannot use GPIO 21: .*in use"):
            Leds(leds_config(), LABELS, pins)
        for number in (5, 6, 13, 16, 19, 20):
            gpiozero.LED(number, pin_factory=pins).close()
    assert not [t for t in threading.enumerate() if t.name == "leds"]


def test_a_pin_that_fails_is_reported_until_it_works_again(open_leds: Callable[..., Leds]):
    mock = pytest.importorskip("gpiozero.pins.mock")
    broken = threading.Event()

    class LoosePin(mock.MockPWMPin):  # type: ignore[name-defined,misc]
        def _set_state(self, value: float) -> None:
            if broken.is_set() and self.info.name == "GPIO16":
                raise OSError("lead off")
            super()._set_state(value)

    leds = open_leds(mock.MockFactory(pin_class=LoosePin))
    leds.show(report("happy", 0.5))
    broken.set()
    assert eventually(lambda: raises(leds, "happy", "LED happy: cannot drive its pin: lead off"))
    broken.clear()
    assert eventually(lambda: raises(leds, "happy", None))


def raises(leds: Leds, label: str, message: str | None) -> bool:
    try:
        leds.show(report(label))
    except OutputError as exc:
        return str(exc) == message
    return message is None


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
