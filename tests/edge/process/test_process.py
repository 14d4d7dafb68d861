"""What a caller may do to the process of `run`: its streams, its user, and what it was before."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from permissions import skip_where_others_cannot_read_this_code
from signals import HEARING, Device

SETTINGS = "--source demo --port 0"


@contextmanager
def logging_to(folder: Path, redirection: str) -> Iterator[Path]:
    """A device started by a shell with its stdout so redirected; its log is the file yielded."""
    log = folder / "log"
    program = f"{sys.executable} -m edge run {SETTINGS} 2>{log} & echo $! >{folder}/pid; wait $!"
    command = f"set -o pipefail; {{ {program}; }} {redirection}"
    shell = subprocess.Popen(
        ["bash", "-c", command], env={**os.environ, "XDG_STATE_HOME": str(folder)}
    )
    try:
        yield log
    finally:
        os.kill(int((folder / "pid").read_text()), 15)
        assert shell.wait(20) == 0


def wait_for(log: Path, text: str, within_s: float = 60.0) -> str:
    deadline_s = time.monotonic() + within_s
    while not log.exists() or text not in log.read_text():
        assert time.monotonic() < deadline_s, log.read_text() if log.exists() else "no log"
        time.sleep(0.02)
    return log.read_text()


@pytest.mark.parametrize("redirection", ["| head -1", "| true", ">&-", ">/dev/full"])
def test_a_device_runs_without_being_listened_to(tmp_path: Path, redirection: str):
    with logging_to(tmp_path, redirection) as log:
        wait_for(log, "output terminal ")
        wait_for(log, "first labelled face")
        time.sleep(1.0)
        lines = log.read_text().splitlines()
    assert sum("output terminal " in line for line in lines) == 1
    assert all(line.startswith(("INFO ", "WARNING output terminal failed")) for line in lines)


def test_the_first_frame_counts_from_pythons_start(tmp_path: Path):
    """A shell that worked for three seconds becomes the device, as install.sh --demo does."""
    device = Device(folder=tmp_path, before=(*HEARING, "bash", "-c", 'sleep 3; exec "$@"', "bash"))
    try:
        told_s = float(device.says(r"first frame after ([\d.]+) s").group(1))
        took_s = time.monotonic() - device.began_s
    finally:
        device.kill()
    assert told_s <= took_s - 3.0 + 0.1


@pytest.mark.parametrize("command", [["code"], ["run", *SETTINGS.split()]])
def test_a_user_without_a_home_is_told_in_one_line(command: list[str]):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv, to be a user whom the system does not know")
    skip_where_others_cannot_read_this_code()
    kept = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_STATE_HOME")}
    kept.pop("STATE_DIRECTORY", None)
    stranger = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]
    run = subprocess.run(
        [*stranger, sys.executable, "-m", "edge", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=kept,
    )
    assert re.fullmatch(
        r"emotion-edge: .*has no home folder; set \[state\] folder .*\n", run.stderr
    )
    assert run.returncode == 2
