"""A scene to analyze, and what ffprobe says of a video."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from faces import hang, wall


def scene(left: int = 60) -> Any:
    """A happy face, 200 px wide."""
    bgr = wall(320, 240)
    hang(bgr, "happy", left, 20, 200)
    return bgr


def need_ffmpeg() -> None:
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        pytest.skip("ffmpeg is not installed")


def streams(path: Path) -> list[dict[str, Any]]:
    """What ffprobe says of a file."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", path]
    told = subprocess.run(command, check=True, capture_output=True)
    found: list[dict[str, Any]] = json.loads(told.stdout)["streams"]
    return found
