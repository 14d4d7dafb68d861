"""Every source turned and mirrored, compared with numpy's own rotation."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.camera.auto import open_source
from edge.camera.orientation import oriented
from edge.config import load_config

TURNS = [(deg, mirror) for deg in (0, 90, 180, 270) for mirror in (False, True)]


def turned(bgr: np.ndarray, rotate_deg: int, mirror: bool) -> np.ndarray:
    result = np.rot90(bgr, -rotate_deg // 90)  # numpy turns anticlockwise
    return result[:, ::-1] if mirror else result


@pytest.mark.parametrize(("rotate_deg", "mirror"), TURNS)
def test_images_are_turned_clockwise_and_then_mirrored(rotate_deg: int, mirror: bool) -> None:
    bgr = np.random.default_rng(1).integers(0, 255, (3, 5, 3), np.uint8)
    result = oriented(bgr, rotate_deg, mirror=mirror)
    assert np.array_equal(result, turned(bgr, rotate_deg, mirror))
    assert result.flags["C_CONTIGUOUS"]


def opened(source: str, **settings: Any):
    return open_source(load_config(overrides={"camera": {"source": source, **settings}}).camera)


@pytest.mark.parametrize(("rotate_deg", "mirror"), TURNS)
def test_a_folder_of_images_is_turned(tmp_path: Path, rotate_deg: int, mirror: bool) -> None:
    bgr = np.random.default_rng(2).integers(0, 255, (48, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), bgr)
    source = opened(f"images:{tmp_path}", rotate_deg=rotate_deg, mirror=mirror)
    frame = source.read(2.0)
    source.close()
    assert np.array_equal(frame.bgr, turned(bgr, rotate_deg, mirror))
    assert source.name.startswith("images in ")


def test_the_demo_on_its_side_is_a_portrait() -> None:
    source = opened("demo", rotate_deg=270)
    assert source.read(2.0).size == (480, 640)
    source.close()
