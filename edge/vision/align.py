"""Crops a face from a frame with the framing of the training samples.

FER2013's own framing was measured with the detector that runs here; the manifest carries it. With
eye points the crop is the similarity transform that puts the eyes where training had them,
otherwise an upright square around the detected box.
"""

from __future__ import annotations

import numpy as np

from edge.datatypes import BBox, FloatArray
from edge.vision.geometry import Transform, two_point_transform
from edge.vision.manifest import FaceCrop


def face_transform(box: BBox, keypoints: FloatArray | None, crop: FaceCrop, side: int) -> Transform:
    """Return the transform (2, 3) from frame pixels to the (side, side) crop of the face."""
    if keypoints is not None and not np.array_equal(keypoints[0], keypoints[1]):
        return two_point_transform(keypoints[:2], _pixels((crop.left_eye, crop.right_eye), side))
    half = max(box.width, box.height) / crop.box_side / 2
    cx, cy = box.center
    cy += crop.box_shift_y * 2 * half
    return two_point_transform(
        [(cx - half, cy), (cx + half, cy)], _pixels(((0.0, 0.5), (1.0, 0.5)), side)
    )


def _pixels(shares: tuple[tuple[float, float], tuple[float, float]], side: int) -> FloatArray:
    """Convert shares of a crop to pixel positions: 0 is the outer edge of the first pixel."""
    return np.asarray(shares, np.float32) * side - np.float32(0.5)
