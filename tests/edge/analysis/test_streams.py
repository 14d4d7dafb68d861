"""What `emotion-edge analyze` writes to terminals, pipes and full disks."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from analysis_files import encoded, labels
from faces import wall

from edge.cli import main


def test_a_terminal_without_unicode_gets_ascii(tmp_path: Path) -> None:
    (tmp_path / "é 人.png").write_bytes(encoded("PNG"))
    run = subprocess.run(
        [sys.executable, "-m", "edge", "analyze", tmp_path],
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert run.returncode == 0, run.stderr
    assert Path(json.loads(run.stdout.decode("ascii"))["path"]).name == "é 人.png"


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_no_object_begins_on_the_progress_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), wall(64, 48))
    terminal = Terminal()
    monkeypatch.setattr("edge.process.progress._TERMINAL_EVERY_S", 0.0)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["analyze", str(tmp_path), "--jsonl"]) == 0
    assert "2/3 frames" in terminal.getvalue()
    shown = [line.rpartition("\x1b[K")[2] for line in terminal.getvalue().split("\n")]
    assert [json.loads(line)["faces"] for line in shown if line] == [[], [], []]


@pytest.mark.parametrize("to", [">/dev/full", ">&-"])
def test_results_that_cannot_be_written_end_it_in_one_line(tmp_path: Path, to: str) -> None:
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(encoded("PNG"))
    command = f"exec '{sys.executable}' -m edge analyze '{tmp_path}' {to}"
    run = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr
    (line,) = run.stderr.splitlines()
    assert line.startswith("emotion-edge: standard output")


@pytest.mark.parametrize("to", ["2>&-", "2>/dev/full"])
def test_a_closed_or_full_standard_error_changes_no_result(tmp_path: Path, to: str) -> None:
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    (tmp_path / "b.png").write_text("no image")
    command = f"exec '{sys.executable}' -m edge analyze '{tmp_path}' {to}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60)
    assert run.returncode == 1
    (line,) = run.stdout.splitlines()
    assert labels(json.loads(line)) == ["happy"]
