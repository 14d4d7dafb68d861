"""Images and videos to analyze, what the command left behind, and what ffprobe says of a video."""

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from faces import hang, wall
from PIL import Image

from edge.analysis.analyzer import Analyzer

Analyze = Callable[..., "Ran"]


class Ran:
    """What a run of the command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.records = [json.loads(line) for line in out.splitlines()]
        self.complaints = [line for line in err.splitlines() if line.startswith("emotion-edge: ")]
        self.err = err

    @property
    def names(self) -> list[str]:
        return [Path(record["path"]).name for record in self.records]


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


def portrait() -> Any:
    bgr = wall(320, 240)
    hang(bgr, "happy", 60, 20, 200)
    return bgr


def as_image() -> Image.Image:
    return Image.fromarray(cv2.cvtColor(portrait(), cv2.COLOR_BGR2RGB))


def encoded(kind: str) -> bytes:
    into = io.BytesIO()
    as_image().save(into, kind)
    return into.getvalue()


def write_video(path: Path, pictures: list[Any], fps: float = 15.0) -> Path:
    """An MJPEG video, whatever it is called."""
    height, width = pictures[0].shape[:2]
    plain = path.with_name("plain.avi")
    writer = cv2.VideoWriter(str(plain), cv2.VideoWriter.fourcc(*"MJPG"), fps, (width, height))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    plain.rename(path)
    return path


def readings(analyzer: Analyzer, path: Path) -> list[dict[str, Any]]:
    return [reading.to_dict() for reading in analyzer.read(path)]


def labels(record: dict[str, Any]) -> list[str]:
    return [face["label"] for face in record["faces"]]
