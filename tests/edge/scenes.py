"""Drawn rooms for tests: lively, cluttered, and without people."""

import cv2
import numpy as np

from edge.datatypes import BBox, BgrImage, GrayImage

SIZE = (640, 480)


def room(rng: np.random.Generator) -> BgrImage:
    """A random 640x480 scene of soft and sharp textures, shapes, stripes and sensor noise."""
    scene = np.zeros((SIZE[1], SIZE[0], 3), np.float32) + rng.uniform(30, 200, 3)
    for octave in range(2, 8):
        cells = 2**octave
        texture = rng.normal(0, 1, (max(2, cells * 3 // 4), cells, 3)).astype(np.float32)
        strength = rng.uniform(4, 50) / octave**0.7
        scene += cv2.resize(texture, SIZE, interpolation=cv2.INTER_CUBIC) * strength
    for _ in range(rng.integers(3, 25)):
        _draw_shape(scene, rng)
    scene = cv2.GaussianBlur(scene.astype(np.float32), (0, 0), rng.uniform(0.6, 2))
    scene += rng.normal(0, rng.uniform(1, 8), scene.shape)
    return np.clip(scene, 0, 255).astype(np.uint8)


def _draw_shape(scene: np.ndarray, rng: np.random.Generator) -> None:
    colour = tuple(float(v) for v in rng.uniform(0, 255, 3))
    points = [tuple(int(v) for v in rng.integers(0, SIZE)) for _ in range(4)]
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
    """Paste a grey face at a random place, 56 to 220 px wide; return where."""
    side = int(rng.integers(56, 221))
    x, y = (int(rng.integers(0, length - side)) for length in SIZE)
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    scene[y : y + side, x : x + side] = large[..., None]
    return BBox(x, y, x + side, y + side)
