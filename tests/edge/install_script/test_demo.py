"""install.sh --demo: its environment is built once, kept up to date, and never half trusted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from machines import Machine, assert_refused

from edge.config import StateConfig
from edge.state import find_folder


def test_the_first_run_builds_and_the_second_only_starts(machine: Machine):
    machine.add_python()
    first = machine.install("--demo", "--", "--port", "8090")
    assert first.returncode == 0, first.stderr
    assert [line for line in first.stdout.splitlines() if line.startswith("·")] == [
        "· creating .venv with Python 3.11",
        "· installing emotion-edge (minutes the first time)",
        "· installing the face detector",
        "· checking the imports",
    ]
    assert first.stdout.endswith("started: run --source demo --port 8090\n")
    assert not list(machine.checkout.parent.glob("emotion-edge-install.*"))
    second = machine.install("--demo")
    assert second.stdout == "started: run --source demo\n"
    assert machine.count("-m") == 0


def test_changed_packages_update_the_environment_in_place(machine: Machine):
    machine.add_python()
    machine.install("--demo", "--no-start")
    mine = machine.checkout / ".venv" / "mine"
    mine.touch()
    with (machine.checkout / "pyproject.toml").open("a") as file:
        file.write("\n# a change\n")
    assert machine.install("--demo", "--no-start").returncode == 0
    assert mine.exists()
    assert machine.count("-m venv") == 0
    assert machine.count("-m pip install") == 2


def test_another_python_or_place_makes_the_environment_afresh(machine: Machine):
    machine.add_python(version="3.11")
    machine.install("--demo", "--no-start")
    machine.add_python(version="3.13")
    shutil.copy(machine.bin / "python3", machine.checkout / ".venv/bin/python")
    machine.install("--demo", "--no-start")
    assert machine.count("-m venv") == 1
    machine.checkout = machine.checkout.rename(machine.checkout.parent / "moved")
    machine.install("--demo", "--no-start")
    assert machine.count("-m venv") == 1
    assert machine.state.startswith(f"{machine.checkout} 3.13.1 ")


def test_an_environment_a_person_made_is_brought_up_to_date(machine: Machine):
    machine.add_python()
    venv = machine.checkout / ".venv"
    subprocess.run([machine.bin / "python3", "-m", "venv", venv], env=machine.environ, check=True)
    (venv / "mine").touch()
    assert machine.install("--demo", "--no-start").returncode == 0
    assert (venv / "mine").exists()
    assert machine.count("-m pip install") == 2


def test_a_failed_build_is_one_line_and_never_trusted(machine: Machine):
    machine.add_python(pip="echo; echo 'ERROR: no network' >&2; echo; exit 1")
    result = machine.install("--demo")
    assert_refused(result, 1, "installing emotion-edge (minutes the first time) failed:")
    assert "ERROR: no network; the log is " in result.stderr
    assert Path(result.stderr.rsplit(" ", 1)[1].strip()).is_file()
    assert machine.state == "building"

    (machine.checkout / ".venv" / "rest").touch()
    machine.add_python()
    result = machine.install("--demo", "--no-start")
    assert result.returncode == 0, result.stderr
    assert "removing the unfinished or outdated .venv" in result.stdout
    assert not (machine.checkout / ".venv" / "rest").exists()
    assert machine.state != "building"


def test_help_says_what_the_demo_leaves(machine: Machine):
    said = " ".join(machine.install("--help").stdout.split())
    _, _, undoing = said.partition("To undo everything, delete ")
    state = find_folder(StateConfig(folder="auto"), {"HOME": "/home/maker"})
    for left in (".venv", "emotion_edge.egg-info", "__pycache__", "~/.cache/pip", "-venv"):
        assert left in undoing
    assert str(state).replace(str(Path.home()), "~") in undoing


# What pip 25 prints when it cannot fetch what a build needs: the reason, and much after it.
PIP_IN_PIP = """\
  error: subprocess-exited-with-error
  \u00d7 pip subprocess to install build dependencies did not run successfully.
  │ exit code: 1
  ╰─> [2 lines of output]
      ERROR: Could not find a version that satisfies the requirement setuptools>=77
      ERROR: No matching distribution found for setuptools>=77
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: subprocess-exited-with-error

\u00d7 pip subprocess to install build dependencies did not run successfully.
│ exit code: 1
╰─> See above for output.

note: This error originates from a subprocess, and is likely not a problem with pip.
hint: See above for details.
"""


def test_the_reason_is_told_and_not_what_pip_says_after_it(machine: Machine):
    (machine.checkout / "said").write_text(PIP_IN_PIP)
    machine.add_python(pip=f"cat '{machine.checkout}/said'; exit 1")
    result = machine.install("--demo")
    reason = "failed: ERROR: No matching distribution found for setuptools>=77; the log is"
    assert_refused(result, 1, reason)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_ends_at_once_and_is_not_trusted(
    machine: Machine, number: signal.Signals
):
    machine.add_python(pip='echo $$ > "$CALLS.pid"; exec sleep 30')
    pid_file = Path(f"{machine.calls}.pid")
    with subprocess.Popen(
        # As in a terminal: what a shell starts in the background ignores SIGINT for good.
        ["/usr/bin/env", "--default-signal=INT", machine.checkout / "install.sh", "--demo"],
        env=machine.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as install:
        while not (pid_file.exists() and pid_file.read_text().strip()):
            time.sleep(0.02)
        install.send_signal(number)
        _, stderr = install.communicate(timeout=10)
    assert install.returncode == 130
    assert stderr == "install.sh: interrupted; run it again to start from the beginning\n"
    assert machine.state == "building"
    assert not is_running(int(pid_file.read_text()))


def is_running(pid: int) -> bool:
    deadline_s = time.monotonic() + 5
    while time.monotonic() < deadline_s:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return False
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.02)
    return True
