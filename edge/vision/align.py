"""Crops a face from a frame with the framing of the training samples.

FER2013's own framing was measured with the detector that runs here; the manifest carries it. The
box gives place and scale. With the scale of the eyes' distance, a face that is turned aside was
cropped too close, and with level eyes the network lost the tilt that it knows from training. Both
cost accuracy in rooms.
"""

from __future__ import annotations

import cmath
import math

import numpy as np

from edge.datatypes import BBox, FloatArray
from edge.vision.geometry import Transform, two_point_transform
from edge.vision.manifest import FaceCrop

# Training samples tilt by so much. Only what a face tilts more is taken back. On PublicTest in
# rooms, 10 to 25 degrees did equally well.
_TRAINED_TILT = math.radians(15)


def face_transform(box: BBox, keypoints: FloatArray | None, crop: FaceCrop, side: int) -> Transform:
    """Return the transform (2, 3) from frame pixels to the (side, side) crop of the face.

    The first two of `keypoints` (6, 2) are the eyes; without them the crop is upright.
    """
    half = max(box.width, box.height) / crop.box_side / 2
    tilt = 0.0 if keypoints is None else _tilt(keypoints, crop)
    turn = math.copysign(max(abs(tilt) - _TRAINED_TILT, 0.0), tilt)
    across = np.array([math.cos(turn), math.sin(turn)])
    down = np.array([-across[1], across[0]])
    middle = np.array(box.center) + crop.box_shift_y * 2 * half * down
    # 0 is the outer edge of the first pixel.
    target = np.array([(0.0, 0.5), (1.0, 0.5)]) * side - 0.5
    return two_point_transform([middle - half * across, middle + half * across], target)


def _tilt(keypoints: FloatArray, crop: FaceCrop) -> float:
    """Return how far the face is turned clockwise from training samples, in radians, -pi..pi."""
    left, right = (complex(x, y) for x, y in keypoints[:2].tolist())
    trained = complex(*crop.right_eye) - complex(*crop.left_eye)
    return cmath.phase((right - left) * trained.conjugate())
