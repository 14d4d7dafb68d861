"""Verifies a detected face with MediaPipe's face landmark network.

BlazeFace also detects faces in blobs and textures. This network, given an upright crop of the
candidate, rejects nearly all of them. Y. Kartynnik et al., "Real-time Facial Surface Geometry from
Monocular Video on Mobile GPUs" (2019). Its first output is 468 points, which are not used here. Its
second output is the logit that the crop holds a face.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge.datatypes import BBox, BgrImage, FloatArray
from edge.errors import ModelError
from edge.vision.geometry import two_point_transform, warp_symmetric
from edge.vision.runtime import Network
from edge.vision.tensors import sigmoid

# face_landmark_front_cpu.pbtxt: the crop is the detected box, turned upright and enlarged by half.
_CROP_SCALE = 1.5


class LandmarkFaceVerifier:
    """Estimates the probability that a box with keypoints holds a face."""

    def __init__(self, model: Path, *, threads: int = 1) -> None:
        """Raise ModelError when `model` is not a face landmark network."""
        self._network = Network(model, threads=threads)
        flags = [i for i, spec in enumerate(self._network.outputs) if np.prod(spec.shape) == 1]
        if len(flags) != 1:
            raise ModelError(f"{model}: not a face landmark network: it has no face flag")
        self._flag_at = flags[0]
        self._side = self._network.inputs[0].shape[1]

    def probability(self, bgr: BgrImage, box: BBox, keypoints: FloatArray) -> float:
        """Return 0..1 for the face in `box` whose `keypoints` are (6, 2), both in frame pixels."""
        across = (keypoints[1] - keypoints[0]).astype(np.float64)
        if not across.any():
            return 0.0
        middle = np.array(box.center)
        half = across / np.linalg.norm(across) * max(box.width, box.height) * _CROP_SCALE / 2
        edge_to_edge = [(0, self._side / 2), (self._side, self._side / 2)]
        upright = two_point_transform([middle - half, middle + half], edge_to_edge)
        crop = warp_symmetric(bgr, upright, self._side)
        rgb = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)[None] / np.float32(255)
        flag = self._network(np.asarray(rgb, np.float32))[self._flag_at]
        return float(sigmoid(flag).ravel()[0])
