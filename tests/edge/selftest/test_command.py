"""`emotion-edge selftest` as a whole: what is asked, printed, written and refused."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from proxies import free_port

from edge.config import load_config
from edge.leds.pins import open_pin_factory
from edge.selftest.command import wired_steps
from edge.selftest.person import Person

ROOT = Path(__file__).parents[3]


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "my.toml"
    file.write_text(
        f'[state]\nfolder = "{tmp_path / "state"}"\n'
        f'[web]\nhost = "127.0.0.1"\nport = {free_port()}\nauth = "none"\n'
        '[mqtt]\nhost = "se-cret.example"\n[camera]\nsource = "demo"\n'
    )
    return file


def command(settings: Path, *args: str) -> list[str]:
    return [sys.executable, "-m", "edge", *args, "--config", str(settings)]


def selftest(settings: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(settings, "selftest", *args),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def steps_of(report: dict[str, Any]) -> dict[str, str]:
    return {step["step"]: step["outcome"] for step in report["steps"]}


def test_without_a_terminal_no_question_is_asked_and_the_report_holds_no_secret(
    settings: Path, tmp_path: Path
):
    file = tmp_path / "report.json"
    args = ("--minutes", "0.03", "--report", str(file), "--leds", "per_emotion")
    run = selftest(settings, *args)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    *_, leds, button, camera, last = run.stdout.splitlines()
    assert leds.startswith("skipped  leds")
    assert button.startswith("skipped  button")
    assert camera.startswith("pass     camera   demo scene: 640x480, ")
    assert last.startswith(f"report: {file};")
    text = file.read_text()
    report = json.loads(text)
    assert steps_of(report) == {"leds": "skipped", "button": "skipped", "camera": "pass"}
    assert report["run"]["frame_size"] == [640, 480]
    assert len(report["run"]["minutes"]) == 1
    assert report["machine"]["versions"]["emotion-edge"] in report["program"]
    for secret in ("se-cret", str(tmp_path), os.uname().nodename):
        assert secret not in text


def test_while_the_device_runs_one_line_says_to_stop_it(settings: Path, tmp_path: Path):
    device = subprocess.Popen(
        command(settings, "run"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert device.stdout
        device.stdout.readline()  # it has announced its page
        run = selftest(settings, "--report", str(tmp_path / "report.json"))
    finally:
        device.terminate()
        device.wait(20)
        device.stdout.close() if device.stdout else None
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert line.endswith("holds the camera and the pins: sudo systemctl stop emotion-edge")


def test_ctrl_c_ends_the_camera_early_and_the_report_is_written(settings: Path, tmp_path: Path):
    file = tmp_path / "report.json"
    with subprocess.Popen(
        command(settings, "selftest", "--report", str(file)),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("Now the camera for 10 minutes.")
        assert process.stdout.readline() == "The camera is open.\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert json.loads(file.read_text())["run"]["seconds"] < 60


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--minutes", "0"], "expected a number over 0 and up to 120"),
        (["--minutes", "121"], "expected a number over 0 and up to 120"),
        (["--minutes", "ten"], "expected a number over 0 and up to 120"),
        (["--report", "/no/folder/report"], "cannot write it: No such file or directory"),
    ],
)
def test_a_wrong_option_is_an_error_before_any_work(
    settings: Path, args: Sequence[str], reason: str
):
    run = selftest(settings, *args)
    assert run.returncode == 2
    assert reason in run.stderr.splitlines()[-1]


def test_on_simulated_pins_nothing_is_asked():
    config = load_config(overrides={"leds": {"mode": "rgb"}, "button": {"mode": "pause"}})
    leds, button = wired_steps(config, Person(io.StringIO(), io.StringIO()))
    assert leds.message == button.message
    assert leds.message.startswith("the pins are simulated")


def test_a_person_at_a_terminal_is_asked():
    pytest.importorskip("gpiozero", reason="gpiozero is not installed")
    config = load_config(overrides={"leds": {"mode": "rgb"}})
    ours, theirs = pty.openpty()
    os.write(ours, b"y\n" * 6)
    questions = io.StringIO()
    with os.fdopen(theirs, encoding="utf-8") as terminal:
        leds, button = wired_steps(config, Person(terminal, questions), open_pin_factory("mock"))
    os.close(ours)
    assert (leds.outcome, button.outcome) == ("pass", "skipped")
    assert "Is the LED red on, and no other? (GPIO" in questions.getvalue()


def test_a_wiring_that_cannot_be_is_a_failure():
    rgb = {"leds": {"mode": "rgb"}, "button": {"mode": "pause", "pin": 17}}
    steps = wired_steps(load_config(overrides=rgb), Seated(), open_pin_factory("mock"))
    assert [step.outcome for step in steps] == ["fail", "fail"]
    assert "[button] pin = 17" in steps[0].message


class Seated(Person):
    """A person at a terminal who never answers."""

    def __init__(self) -> None:
        super().__init__(io.StringIO(), io.StringIO())

    @property
    def is_there(self) -> bool:
        return True
