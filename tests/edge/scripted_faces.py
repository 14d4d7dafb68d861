"""Faces and a verifier of which a test says what they see, for the detector."""

from collections.abc import Sequence

import numpy as np
from faces import wall

from edge.config import TrackerConfig
from edge.datatypes import BBox, BgrImage, Detection, FloatArray, Track
from edge.vision.detector import RoomDetector
from edge.vision.tracker import Tracker

POINTS = np.zeros((6, 2), np.float32)


class ScriptedFaces:
    """Faces at known places, seen by any view that holds them; counts its runs."""

    def __init__(self, *boxes: BBox, score: float = 0.9) -> None:
        self.boxes = list(boxes)
        self.score = score
        self.views: list[BBox] = []

    def detect(self, bgr: BgrImage, view: BBox, inset: float = 0.0) -> list[Detection]:
        self.views.append(view)
        return [
            Detection(box=box, score=self.score, keypoints=POINTS)
            for box in self.boxes
            if view.contains(box) and box.width > 0.14 * view.width
        ]


class ScriptedVerifier:
    """Believes in the boxes it was told of; counts its runs."""

    def __init__(self, *believed: BBox) -> None:
        self.believed = list(believed)
        self.runs = 0

    def probability(self, bgr: BgrImage, box: BBox, keypoints: FloatArray) -> float:
        self.runs += 1
        return float(any(box.iou(other) > 0.5 for other in self.believed))


def watch(
    faces: ScriptedFaces,
    verifier: ScriptedVerifier,
    frames: int,
    runs_per_frame: int = 2,
    fps: float = 15,
) -> Sequence[Track]:
    detector = RoomDetector(faces, verifier, runs_per_frame=runs_per_frame)
    tracker = Tracker(TrackerConfig(min_hits=2, max_lost_s=1.5))
    tracks: Sequence[Track] = ()
    for i in range(frames):
        sighting = detector.detect(wall(), tracker.predict(i / fps))
        tracks = tracker.update(sighting, i / fps)
    return tracks
