"""Several files at once: the same output as one after the other."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from analysis_files import scene

from edge.analysis.parallel import Readers
from edge.analysis.plan import Job
from edge.analysis.tables import Record
from edge.errors import MediaError, ResourceError

Analyze = Callable[..., tuple[int, str, str]]


def test_two_jobs_print_what_one_prints(analyze: Analyze, clip: Path, tmp_path: Path) -> None:
    for n in range(6):
        cv2.imwrite(str(tmp_path / f"{n}.png"), scene(20 + 10 * n))
    (tmp_path / "3.png").write_bytes(b"damaged")
    files = [clip, tmp_path, clip]
    one, two = (analyze("--jobs", jobs, *files) for jobs in (1, 2))
    assert one[0] == 1
    assert len(one[1].splitlines()) == 30 + 5 + 30
    assert two[:2] == one[:2]
    assert without_progress(two[2]) == without_progress(one[2])


def without_progress(err: str) -> list[str]:
    """The errors; how far it is is told only where it takes long."""
    return [line for line in err.splitlines() if "/s, " not in line]


def test_a_model_that_cannot_be_loaded_is_one_line(
    analyze: Analyze, clip: Path, photo: Path, tmp_path: Path
) -> None:
    code, out, err = analyze("--jobs", 2, "--model", tmp_path / "none.tflite", clip, photo)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "none.json: cannot read the model's manifest" in err


def jobs(*names: str) -> list[Job]:
    return [Job(path=Path(name), frames=None, name=Path(name)) for name in names]


def reader_of_names() -> Callable[[Job], object]:
    return read_by_name


def read_by_name(job: Job) -> object:
    """Yield as many records as the name says, or do what it says instead."""
    if job.path.name == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.path.name == "damaged":
        yield {"frame": 0}
        raise MediaError("damaged: not whole")
    for n in range(int(job.path.name)):
        yield {"frame": n}


def test_the_frames_are_counted_and_errors_come_in_their_turn() -> None:
    told: list[int] = []
    files = jobs("3", "damaged", "5")
    got: list[list[Record]] = []
    with Readers(reader_of_names, files, 2, told.append) as readers:
        got.append(list(readers.read(files[0])))
        with pytest.raises(MediaError, match="not whole"):
            got.append(list(readers.read(files[1])))
        got.append(list(readers.read(files[2])))
    assert [len(records) for records in got] == [3, 5]
    assert sum(told) == 9


def test_more_files_than_may_wait() -> None:
    files = jobs(*map(str, range(1, 31)))
    with Readers(reader_of_names, files, 2, lambda _: None) as readers:
        assert [len(list(readers.read(job))) for job in files] == list(range(1, 31))


def test_a_process_that_was_killed_is_one_line() -> None:
    files = jobs("dies", "1")
    with (
        Readers(reader_of_names, files, 2, lambda _: None) as readers,
        pytest.raises(ResourceError, match="use fewer --jobs"),
    ):
        list(readers.read(files[0]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_command(
    number: signal.Signals, tmp_path: Path, clip: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(40):
        (folder / f"{n}.avi").symlink_to(clip)
    command = [sys.executable, "-m", "edge", "analyze", "--jobs", "2", *sorted(folder.iterdir())]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    started = children(process.pid)
    assert len(started) >= 2
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == (130 if number == signal.SIGINT else -9)
    assert b"Traceback" not in err
    assert_ends(started)


SLOW_TO_START = """
import os, sys, threading, time
from pathlib import Path

from edge.analysis.parallel import Readers
from edge.analysis.plan import Job

started = Path(sys.argv[1])


def start_slowly():
    started.write_text(str(os.getpid()))
    time.sleep(1)
    return lambda: iter


class Slow:
    def __reduce__(self):
        return start_slowly, ()


def leave_when_started():
    while not started.exists() or not started.read_text():
        time.sleep(0.01)
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=leave_when_started).start()
    jobs = [Job(path=Path("1"), frames=None, name=Path("1"))]
    list(Readers(Slow(), jobs, 1, print).read(jobs[0]))
"""


def test_a_process_that_is_still_starting_ends_with_the_command(tmp_path: Path) -> None:
    script, started = tmp_path / "main.py", tmp_path / "started"
    script.write_text(SLOW_TO_START)
    command = [sys.executable, script, started]
    subprocess.run(command, check=True, timeout=30, stderr=subprocess.DEVNULL)
    assert_ends([int(started.read_text())])


def assert_ends(processes: list[int]) -> None:
    ends_s = time.monotonic() + 10
    while alive := [pid for pid in processes if is_running(pid)]:
        assert time.monotonic() < ends_s, alive
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
