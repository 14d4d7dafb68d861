"""The demo as a program: what it shows and says, and how it ends."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from demo_program import own_state, running

from edge.cli import main

state = pytest.fixture(autouse=True)(own_state)


def test_the_demo_shows_labelled_faces_and_ends_on_sigterm(state: Path) -> None:
    with running(state) as device:
        device.address()
        labelled: list[Any] = []
        deadline_s = time.monotonic() + 60
        while not labelled and time.monotonic() < deadline_s:
            snapshot = device.get("/api/status")["snapshot"]
            labelled = [f for f in (snapshot or {}).get("faces", []) if f["label"]]
            time.sleep(0.1)
        assert labelled
        assert device.get("/api/status")["health"]["healthy"]
        with device.open("/stream.mjpg") as stream:
            assert stream.read(2000)
            assert device.end(signal.SIGTERM) < 3
        assert device.process.returncode == 0
        assert any("LEDs: " in line for line in device.lines)


def test_the_demo_greets_once_even_if_the_power_fails_right_after(state: Path) -> None:
    with running(state) as device:
        assert device.greets()
        tested = device.post("/api/leds/test")
        assert [led["name"] for led in tested["leds"]][-1] == "status"
        assert tested["simulated"]
        levels = device.get("/api/status")["leds"]["levels"]
        assert levels["privacy"] > 0
        assert device.post("/api/first-minute") == {"due": False, "kept": True}
        assert not device.greets()
        device.process.kill()
    with running(state) as device:
        assert not device.greets()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.5])
def test_a_signal_at_any_moment_ends_it_cleanly(state: Path, number: int, after_s: float) -> None:
    with running(state) as device:
        device.address()
        time.sleep(after_s)
        assert device.end(number) < 3
        assert device.process.returncode == 0
        assert not any("Traceback" in line for line in device.lines)


def test_the_code_is_not_told_to_what_may_be_a_journal(state: Path) -> None:
    with running(state) as device:
        device.get("/api/status")
        code = device.code_file.read_text().strip()
        device.end(signal.SIGTERM)
        assert not any(code in line for line in device.lines)
        assert "access code: shown by `emotion-edge code`\n" in device.lines


def test_the_code_of_a_running_demo_comes_with_its_address(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(state) as device:
        url = device.address()
        assert main(["code"]) == 0
        assert capsys.readouterr().out.splitlines()[1:] == [url]
        device.end(signal.SIGTERM)
    assert not (state / "page-addresses").exists()


def test_a_person_at_a_terminal_is_told_the_code(state: Path) -> None:
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--source", "demo", "--port", "0"],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        told = b""
        while b"access code: " not in told or not told.endswith(b"\n"):
            told += os.read(ours, 1)
    finally:
        program.kill()
        program.wait()
        os.close(ours)
    assert f"access code: {(state / 'access-code').read_text().strip()}" in told.decode()
