"""OpenCV's Haar cascade as a FaceDetector, for frontal faces only.

P. Viola and M. Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features" (2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.datatypes import BBox, BgrImage, Detection, Sighting, Track
from edge.errors import ModelError

_CASCADE = "haarcascade_frontalface_default.xml"
_MIN_FACE_PX = 40

# From the cascade's box to BlazeFace's, which the manifest's crop is made for: medians over
# FER2013 faces that both detect.
_TO_BLAZEFACE_SCALE = 0.87
_TO_BLAZEFACE_SHIFT_Y = 0.06


class HaarDetector:
    """Searches the whole frame every time, so every track is searched for."""

    def __init__(self, *, min_score: float) -> None:
        """Raise ModelError when this OpenCV has no cascades: version 5 has none."""
        folder = getattr(getattr(cv2, "data", None), "haarcascades", None)
        if folder is None or not hasattr(cv2, "CascadeClassifier"):
            raise ModelError(
                f"OpenCV {cv2.__version__} has no Haar cascades: "
                'install opencv-python-headless<5 or set [detector] kind = "blazeface"'
            )
        self._cascade = cv2.CascadeClassifier(str(Path(folder) / _CASCADE))
        self._min_score = min_score

    def detect(self, bgr: BgrImage, tracks: Sequence[Track]) -> Sighting:
        """Detect faces in the next frame of a video. See FaceDetector."""
        return Sighting(
            detections=tuple(self.detect_still(bgr)),
            searched=frozenset(track.track_id for track in tracks),
        )

    def reset(self) -> None:
        """Do nothing: the detector has no state. See FaceDetector."""

    def detect_still(self, bgr: BgrImage) -> list[Detection]:
        """Return the faces, the highest score first; `keypoints` are None. See FaceDetector."""
        gray = cv2.equalizeHist(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY))
        boxes, _, weights = self._cascade.detectMultiScale3(
            gray, 1.1, 5, minSize=(_MIN_FACE_PX,) * 2, outputRejectLevels=True
        )
        # The cascade's weight is a margin, and a logistic function makes it comparable to a score.
        scores = 1 / (1 + np.exp(-np.asarray(weights, np.float64).reshape(-1)))
        faces = [
            Detection(box=_as_blazeface(*map(float, box)), score=float(score))
            for box, score in zip(boxes, scores, strict=True)
            if score >= self._min_score
        ]
        return sorted(faces, key=lambda face: face.score, reverse=True)


def _as_blazeface(x: float, y: float, width: float, height: float) -> BBox:
    box = BBox(x, y, x + width, y + height)
    return box.expand(_TO_BLAZEFACE_SCALE).translate(0, _TO_BLAZEFACE_SHIFT_Y * height)
