"""However often, however early and by whichever signal: the device ends in order."""

import os
import pty
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from signals import ENDING, HEARING, Device, after, attempts, ended, while_it_runs


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(folder=tmp_path)
    yield device
    device.kill()


@pytest.mark.parametrize(
    ("numbers", "gap_s"),
    [
        ((signal.SIGINT, signal.SIGINT), 0.1),
        ((signal.SIGTERM, signal.SIGTERM), 0.0),
        ((signal.SIGHUP, signal.SIGHUP), 0.02),
    ],
)
def test_a_second_signal_hurries_the_same_end(
    tmp_path: Path, numbers: tuple[int, ...], gap_s: float
):
    assert ended(tmp_path, *numbers, gap_s=gap_s, when=while_it_runs) == []


@pytest.mark.parametrize(
    ("number", "after_s"), [(signal.SIGINT, 0.0), (signal.SIGTERM, 0.3), (signal.SIGHUP, 1.0)]
)
def test_a_start_ends_as_well(tmp_path: Path, number: int, after_s: float):
    assert ended(tmp_path, number, number, gap_s=0.05, when=after(after_s)) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", ENDING)
def test_double_signals_end_in_order_each_time(tmp_path: Path, number: int):
    """The short version of `tests/drills/run two-signals --times 50`."""
    faults = {what: wrong for what, wrong in attempts(tmp_path, [(number, number)], 12) if wrong}
    assert faults == {}


def test_a_dropped_terminal_gets_its_cursor_back(tmp_path: Path):
    ours, theirs = pty.openpty()
    command = [*HEARING, sys.executable, "-m", "edge", "run", "--source", "demo", "--port", "0"]
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "TERM": "xterm"}
    program = subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=environ)
    os.close(theirs)
    told = b""
    try:
        while b"fps" not in told:
            told += os.read(ours, 4096)
        program.send_signal(signal.SIGHUP)
        while True:
            try:
                told += os.read(ours, 4096)
            except OSError:  # Linux says EIO when the last writer is gone
                break
        assert program.wait(10) == 0
    finally:
        program.kill()
        program.wait()
        os.close(ours)
    assert told.endswith(b"\x1b[?7h\x1b[?25h")


def test_what_the_caller_ignores_is_ignored(tmp_path: Path):
    """`nohup` ignores SIGHUP, and a shell without job control SIGINT for what ends in `&`."""
    ignoring = ("env", "--ignore-signal=HUP", "--ignore-signal=INT")
    device = Device(folder=tmp_path, before=ignoring)
    try:
        url = device.says(r"http://\S+").group()
        device.process.send_signal(signal.SIGHUP)
        device.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        with urllib.request.urlopen(f"{url}/api/status", timeout=10) as answer:
            assert answer.status == 200
        device.end(signal.SIGTERM)
    finally:
        device.kill()
    assert device.process.returncode == 0


# The main thread waits for what a signal sets, again and again, as the device's does.
_WAITING = """
import os, signal, sys, threading, time
from edge.process.signals import listen
asked, heard = threading.Event(), []
def stop():
    heard.append(threading.current_thread())
    asked.set()
ending = listen()
ending.be_orderly()
ending.calls(stop, hurry=stop)
def again():
    for _ in range(3000):
        os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=again, daemon=True).start()
end_s = time.monotonic() + 1.0
while time.monotonic() < end_s:
    asked.wait(0.00001)
    asked.clear()
assert heard and threading.main_thread() not in heard
"""


def test_what_a_signal_calls_never_runs_in_the_middle_of_the_main_thread():
    run = subprocess.run(
        [sys.executable, "-c", _WAITING], capture_output=True, text=True, timeout=30, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


# An end that hangs, with something that must not be lost.
_HANGING = """
import sys, time
from edge.process.signals import listen
ending = listen()
ending.be_orderly()
ending.calls(lambda: print("asked", flush=True), hurry=lambda: print("saved", flush=True))
print("ready", flush=True)
time.sleep(60)
"""


def test_an_end_that_hangs_is_cut_short_by_a_second_signal():
    with subprocess.Popen(
        [sys.executable, "-c", _HANGING], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "saved\n"
        assert process.wait(20) == 1


def test_an_interruption_while_it_is_imported_is_no_traceback(tmp_path: Path):
    """By then Python runs, and nothing of ours is open."""
    slow = tmp_path / "edge_cli_is_slow.py"
    slow.write_text(
        "import sys, time\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'edge.cli':\n"
        "            print('importing', flush=True)\n"
        "            time.sleep(60)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "from edge.__main__ import main\n"
        "sys.exit(main())\n"
    )
    with subprocess.Popen(
        [*HEARING, sys.executable, slow],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=20)
    assert (process.returncode, complaint) == (130, "")
