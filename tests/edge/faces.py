"""Images for tests: the demo's statistical faces on plain walls. No image of a real person."""

from pathlib import Path

import cv2
import numpy as np

import edge.camera
from edge.datatypes import BBox, BgrImage

FACES = Path(edge.camera.__file__).parent / "demo" / "faces"


def wall(width: int = 640, height: int = 480) -> BgrImage:
    """A plain, slightly shaded wall."""
    shade = np.linspace(110, 150, width, dtype=np.float32)
    return np.repeat(np.tile(shade, (height, 1))[..., None], 3, axis=2).astype(np.uint8)


def hang(bgr: BgrImage, label: str, x: int, y: int, side: int) -> BBox:
    """Draw one of the demo's faces into the scene, and return its box."""
    path = next(FACES.glob(f"*-{label}.png"))
    gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    bgr[y : y + side, x : x + side] = cv2.resize(gray, (side, side))[..., None]
    return BBox(x, y, x + side, y + side)
