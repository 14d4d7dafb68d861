"""A face of one view: measured again where it is cut, and verified in a few attempts."""

from dataclasses import replace

import numpy as np
import pytest
from faces import wall
from scripted_faces import POINTS, ScriptedFaces, ScriptedVerifier, watch

from edge.datatypes import BBox, BgrImage, Detection, FloatArray
from edge.vision.detector import RoomDetector
from edge.vision.view_reader import ViewReader


class CutFace(ScriptedFaces):
    """A face that every view but its own shows too small, as one that the view's edge cuts."""

    def detect(self, bgr: BgrImage, view: BBox) -> list[Detection]:
        self.views.append(view)
        (face,) = self.boxes
        if view.contains(face) and 300 < view.width < 400:
            return [Detection(box=face, score=0.9, keypoints=POINTS)]
        right = view.x2 + 5
        if not (0 < view.x1 < face.x1 and face.x1 + 100 < right < face.x2):
            return []
        part = BBox(face.x1, face.y1, right, face.y1 + right - face.x1)
        return [Detection(box=part, score=0.5, keypoints=POINTS)]


def test_a_face_that_a_views_edge_cuts_is_measured_in_a_view_of_its_own() -> None:
    face = BBox(250, 150, 390, 290)
    faces, verifier = CutFace(face), ScriptedVerifier(face)
    detector = RoomDetector(faces, verifier, runs_per_frame=2)
    assert [found.box for found in detector.detect_still(wall())] == [face]
    tracks = watch(faces, verifier, 30)
    assert [track.box.iou(face) > 0.9 for track in tracks] == [True]


class LevelOnly(ScriptedVerifier):
    """Believes in a face only when its eyes are level."""

    def probability(self, bgr: BgrImage, box: BBox, keypoints: FloatArray) -> float:
        level = keypoints[0, 1] == pytest.approx(keypoints[1, 1])
        return super().probability(bgr, box, keypoints) if level else 0.0


def test_a_face_with_misplaced_eyes_is_verified_in_a_later_attempt() -> None:
    face = BBox(100, 100, 180, 180)

    class Tilted(ScriptedFaces):
        def detect(self, bgr: BgrImage, view: BBox) -> list[Detection]:
            eyes = np.float32([(116, 108), (164, 140), *[(140, 140)] * 4])
            return [replace(found, keypoints=eyes) for found in super().detect(bgr, view)]

    faces, verifier = Tilted(face), LevelOnly(face)
    assert len(RoomDetector(faces, verifier, runs_per_frame=2).detect_still(wall())) == 1
    shown = [len(watch(faces, verifier, frames)) for frames in (30, 90)]
    assert shown == [1, 1]


def test_a_large_face_that_is_whole_has_one_attempt() -> None:
    seen = Detection(box=BBox(100, 100, 220, 220), score=0.9, keypoints=POINTS)
    refusing = ViewReader(ScriptedFaces(seen.box), Wide(121))
    assert not any(refusing.is_face(wall(), seen, attempt) for attempt in range(4))
    assert ViewReader(ScriptedFaces(seen.box), Wide(120)).is_face(wall(), seen, 3)


@pytest.mark.parametrize(
    ("left", "widest_refused", "is_face"),
    [
        (-30, 99, True),  # 70% in the frame: the first crop is enough
        (-45, 99, False),  # 55%: the second crop, 83 px wide, is refused
        (-45, 80, True),
    ],
)
def test_a_face_half_out_of_the_frame_must_convince_in_two_crops(
    left: int, widest_refused: int, is_face: bool
) -> None:
    seen = Detection(box=BBox(left, 100, left + 100, 200), score=0.9, keypoints=POINTS)
    reader = ViewReader(ScriptedFaces(seen.box), Wide(widest_refused))
    assert reader.is_face(wall(), seen) is is_face


class Wide:
    """A verifier that believes in boxes of at least this width."""

    def __init__(self, least_px: float) -> None:
        self.least_px = least_px

    def probability(self, bgr: BgrImage, box: BBox, keypoints: FloatArray) -> float:
        return float(box.width >= self.least_px - 1e-6)
