"""Videos and images to analyze, and the command."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from analysis_files import Analyze, Ran, scene

from edge.analysis.analyzer import Analyzer
from edge.cli import main
from edge.config import load_config
from edge.models import Vision, load_vision


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


@pytest.fixture
def analyzed(capfd: pytest.CaptureFixture[str]) -> Analyze:
    def run(*paths: Any) -> Ran:
        code = main(["analyze", *(os.fsdecode(path) for path in paths)])
        return Ran(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def vision() -> Vision:
    return load_vision(load_config())


@pytest.fixture(scope="session")
def analyzer(vision: Vision) -> Analyzer:
    return Analyzer(vision.detector, vision.classifier, lambda: vision.pipeline(load_config()))
