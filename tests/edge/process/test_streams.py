"""Standard streams that are closed, full or without a reader: one line, or nothing, never more."""

import subprocess
import sys
from pathlib import Path

import pytest

FULL = "standard output: cannot write: No space left on device; redirect it with `> FILE`"
CLOSED = "standard output: cannot write: it is closed; redirect it with `> FILE`"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "emotion-edge"


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell's command line in which `edge` is the program."""
    return subprocess.run(
        ["bash", "-c", f'edge() {{ {sys.executable} -m edge "$@"; }}; {command}'],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("edge version > /dev/full", FULL),
        ("PYTHONUNBUFFERED=1 edge version > /dev/full", FULL),
        ("edge --help > /dev/full", FULL),
        ("edge code > /dev/full", FULL),
        ("edge doctor --source demo --port 0 > /dev/full", FULL),
        ("edge leds --config $SETTINGS > /dev/full", FULL),
        ("edge version >&-", CLOSED),
        ("edge code <&- >&-", CLOSED),
    ],
)
def test_an_answer_that_cannot_be_written_is_one_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, complaint: str
) -> None:
    (tmp_path / "leds.toml").write_text('[leds]\nmode = "rgb"\nfactory = "mock"\n')
    monkeypatch.setenv("SETTINGS", str(tmp_path / "leds.toml"))
    run = shell(command)
    assert run.stderr == f"emotion-edge: {complaint}\n"
    assert run.returncode == 1


@pytest.mark.parametrize("command", ["edge version", "edge --help"])
def test_a_reader_that_left_is_no_error(command: str) -> None:
    run = shell(f'{{ sleep 0.1; {command}; echo "exit code $?" >&2; }} | true')
    assert run.stderr == "exit code 0\n"


@pytest.mark.parametrize("streams", ["2>/dev/full", "<&- 2>&-"])
def test_a_complaint_that_cannot_be_written_keeps_its_exit_code(streams: str) -> None:
    assert shell(f"edge config --leds disco {streams}").returncode == 2
    answer = shell(f"edge version {streams}")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("emotion-edge ")


def test_a_closed_stream_is_never_a_file_of_ours(state: Path) -> None:
    """What is opened next gets the lowest free number, and prints would end up in it."""
    assert shell("edge code <&- >&- 2>&-").returncode == 1
    assert (state / "access-code").read_text().count("\n") == 1
