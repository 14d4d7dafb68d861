"""The doctor's whole examination of a machine made for the test."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from findings import CHECKS, FAIL, PASS, WARN, pi_hardware, settings, verdict
from pi_files import Machine

from edge import doctor
from edge.camera.auto import Hardware
from edge.config import Config, load_config
from edge.datatypes import CameraState
from edge.system import checks, probe
from edge.system.diagnostics import REMEDIES, Finding, failed, passed, summary, warned

MAKER = checks.User("maker", 1000, frozenset({1000, 44, 986}))


@pytest.fixture
def pi(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def examined(config: Config, pi: Machine, **given: Any) -> dict[str, Finding]:
    given = {"hardware": pi_hardware(), "ask": lambda: None, "user": MAKER, **given}
    findings = list(doctor.examine(config, root=pi.root, run=pi.run, **given))
    assert [finding.check for finding in findings] == CHECKS
    return {finding.check: finding for finding in findings}


def test_a_pi_on_which_all_is_well(pi: Machine):
    findings = examined(settings(source="auto"), pi)
    assert {f.check: f.message for f in findings.values() if f.verdict is not PASS} == {}
    assert "7 expressions" in findings["model"].message
    assert summary(findings.values()) == "no problem found"


def test_the_camera_of_a_running_device_is_not_opened(pi: Machine):
    lost = probe.Running(CameraState.LOST, "no frame")
    findings = examined(
        settings(), pi, ask=lambda: lost, hardware=pi_hardware(busy=True, attached=None)
    )
    assert verdict(findings["camera"]) == (FAIL, "camera-lost")
    assert "the device is running" in findings["port"].message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"leds": {"mode": "per_emotion", "pins": {"sad": 16}}}, "[leds.pins] sad = 16"),
        ({"leds": {"mode": "rgb"}, "button": {"mode": "pause", "pin": 17}}, "[button] pin = 17"),
    ],
)
def test_wires_that_cannot_be_are_found(pi: Machine, settings: dict[str, Any], message: str):
    finding = examined(load_config(overrides=settings), pi)["gpio"]
    assert verdict(finding) == (FAIL, "config")
    assert finding.message.startswith(message)


@pytest.mark.parametrize("source", ["demo", "file:party.mp4", "images:party"])
def test_a_source_without_a_camera_needs_no_group(pi: Machine, source: str):
    pi.write("dev/video0", "")
    stranger = checks.User("stranger", 1001, frozenset({1001}))
    findings = examined(settings(source=source), pi, user=stranger)
    assert verdict(findings["groups"]) == (PASS, "")


def test_simulated_pins_need_neither_group_nor_package_nor_chip(pi: Machine):
    pi.remove("dev/gpiochip0")
    leds = {"mode": "per_emotion", "factory": "mock"}
    config = load_config(overrides={"leds": leds, "camera": {"source": "demo"}})
    stranger = checks.User("stranger", 1001, frozenset({1001}))
    findings = examined(config, pi, user=stranger)
    assert [verdict(findings[check]) for check in ("packages", "groups", "gpio")] == [
        (PASS, ""),
        (PASS, ""),
        (PASS, ""),
    ]
    assert "simulated" in findings["gpio"].message


def test_what_depends_on_settings_that_cannot_be_read_is_not_claimed(pi: Machine):
    def opened(*_: Any) -> Any:
        raise AssertionError("the camera of unknown settings")

    findings = examined(
        settings(),
        pi,
        is_known=False,
        hardware=Hardware(open_pi=opened, open_usb=opened),
        ask=opened,
    )
    unknown = ("camera", "groups", "gpio", "port", "access", "mqtt", "hooks")
    assert [verdict(findings[check]) for check in unknown] == [(WARN, "settings")] * len(unknown)
    assert "this machine only" not in findings["access"].message
    assert "7 expressions" in findings["model"].message
    assert findings["disk"].verdict is PASS


def test_a_bad_model_does_not_hide_the_rest(pi: Machine, tmp_path: Path):
    (tmp_path / "mine.tflite").write_bytes(b"nothing")
    config = load_config(overrides={"classifier": {"model": str(tmp_path / "mine.tflite")}})
    findings = examined(config, pi)
    assert verdict(findings["model"]) == (FAIL, "model")
    assert "mine.json" in findings["model"].message
    assert findings["face-detector"].verdict is PASS


def test_a_question_that_breaks_is_a_finding_too(pi: Machine):
    def broken(command: Sequence[str]) -> str:
        raise ZeroDivisionError

    pi.remove("run/systemd/timesync/synchronized")
    pi.run = broken  # type: ignore[method-assign]
    findings = examined(settings(), pi)
    assert verdict(findings["clock"]) == (FAIL, "doctor")
    assert summary(findings.values()) == "1 failed, 0 to check"


def test_findings_in_words():
    assert passed("a", "b").lines() == ["pass  a             b"]
    assert warned("a", "b", "disk").lines()[1] == f"      -> {REMEDIES['disk']}"
    assert summary([failed("a", "b", "disk"), warned("a", "b", "disk")]) == ("1 failed, 1 to check")
