"""Videos and images to analyze, and the command."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from analysis_files import scene

from edge.cli import main


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, 15 frames/s: a happy face that moves a little."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (320, 240))
    for n in range(30):
        writer.write(scene(50 + n // 2))
    writer.release()
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), scene())
    return path


@pytest.fixture
def analyze(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command; return its exit code, standard output and standard error."""

    def run(*words: Any) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main(["analyze", *map(str, words)])
        return code, *capfd.readouterr()

    return run
