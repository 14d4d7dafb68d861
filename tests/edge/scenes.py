"""Drawn rooms for tests: lively, cluttered, and without people."""

from collections.abc import Callable

import cv2
import numpy as np

from edge.datatypes import BBox, BgrImage, GrayImage

SIZE = (640, 480)
EDGES = ("left", "right", "top", "bottom")
FACE_SIDES_PX = (56, 221)


def room(rng: np.random.Generator, size: tuple[int, int] = SIZE) -> BgrImage:
    """A random scene of soft and sharp textures, shapes, stripes and sensor noise."""
    scene = np.zeros((size[1], size[0], 3), np.float32) + rng.uniform(30, 200, 3)
    for octave in range(2, 8):
        cells = 2**octave
        texture = rng.normal(0, 1, (max(2, cells * 3 // 4), cells, 3)).astype(np.float32)
        strength = rng.uniform(4, 50) / octave**0.7
        scene += cv2.resize(texture, size, interpolation=cv2.INTER_CUBIC) * strength
    for _ in range(rng.integers(3, 25)):
        _draw_shape(scene, rng)
    scene = cv2.GaussianBlur(scene.astype(np.float32), (0, 0), rng.uniform(0.6, 2))
    scene += rng.normal(0, rng.uniform(1, 8), scene.shape)
    return np.clip(scene, 0, 255).astype(np.uint8)


def _draw_shape(scene: np.ndarray, rng: np.random.Generator) -> None:
    colour = tuple(float(v) for v in rng.uniform(0, 255, 3))
    size = (scene.shape[1], scene.shape[0])
    points = [tuple(int(v) for v in rng.integers(0, size)) for _ in range(4)]
    match int(rng.integers(0, 4)):
        case 0:
            cv2.rectangle(scene, points[0], points[1], colour, int(rng.choice([-1, 2, 5])))
        case 1:
            axes = tuple(int(v) for v in rng.integers(8, 120, 2))
            angle, line = float(rng.uniform(0, 180)), int(rng.choice([-1, 3]))
            cv2.ellipse(scene, points[0], axes, angle, 0, 360, colour, line)
        case 2:
            cv2.line(scene, points[0], points[1], colour, int(rng.integers(1, 12)))
        case 3:
            cv2.fillPoly(scene, [np.array(points, np.int32)], colour)


def paste(scene: BgrImage, face: GrayImage, rng: np.random.Generator) -> BBox:
    """Paste a gray face at a random place, 56 to 220 px wide; return where."""
    side = int(rng.integers(*FACE_SIDES_PX))
    height, width = scene.shape[:2]
    x, y = (int(rng.integers(0, length - side)) for length in (width, height))
    return paste_at(scene, face, x, y, side)


def paste_across(
    edge: str, in_view: float
) -> Callable[[BgrImage, GrayImage, np.random.Generator], BBox]:
    """Return a `paste` of which the share `in_view` lies inside the frame, the rest past `edge`."""

    def paste_cut(scene: BgrImage, face: GrayImage, rng: np.random.Generator) -> BBox:
        height, width = scene.shape[:2]
        side = int(rng.integers(*FACE_SIDES_PX))
        along = int(rng.integers(0, (height if edge in {"left", "right"} else width) - side))
        outside = round(side * (1 - in_view))
        x, y = {
            "left": (-outside, along),
            "right": (width - side + outside, along),
            "top": (along, -outside),
            "bottom": (along, height - side + outside),
        }[edge]
        return paste_at(scene, face, x, y, side)

    return paste_cut


def paste_at(scene: BgrImage, face: GrayImage, x: int, y: int, side: int) -> BBox:
    """Paste what the frame holds of a gray face `side` px wide; return where the whole lies."""
    height, width = scene.shape[:2]
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + side, width), min(y + side, height)
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    scene[top:bottom, left:right] = large[top - y : bottom - y, left - x : right - x, None]
    return BBox(x, y, x + side, y + side)
