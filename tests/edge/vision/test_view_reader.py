"""A face of one view: measured again where it is cut, and verified as seen or measured."""

from dataclasses import replace

import pytest
from faces import wall
from scripted_faces import POINTS, ScriptedFaces, ScriptedVerifier, watch

from edge.datatypes import BBox, BgrImage, Detection, FloatArray
from edge.vision.detector import RoomDetector
from edge.vision.view_reader import ViewReader


class CutFace(ScriptedFaces):
    """A face that every view but its own shows too small, as one that the view's edge cuts."""

    def detect(self, bgr: BgrImage, view: BBox, inset: float = 0.0) -> list[Detection]:
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


class Measured(ScriptedFaces):
    """A face that every view but its own shows somewhat too large."""

    def detect(self, bgr: BgrImage, view: BBox, inset: float = 0.0) -> list[Detection]:
        self.views.append(view)
        (face,) = self.boxes
        is_own = view.center == pytest.approx(face.center)
        box = face if is_own else face.expand(1.2)
        return [Detection(box=box, score=0.9, keypoints=POINTS)] if view.contains(box) else []


def test_a_face_that_is_refused_as_seen_is_measured_again() -> None:
    face = BBox(100, 100, 180, 180)
    faces, verifier = Measured(face), Sure({80: 0.9})
    detector = RoomDetector(faces, verifier, runs_per_frame=2)
    assert [found.box for found in detector.detect_still(wall())] == [face]
    assert [track.box.width for track in watch(faces, verifier, 90)] == [pytest.approx(80, abs=1)]


@pytest.mark.parametrize(
    ("left", "probability", "in_narrower_crop", "is_face"),
    [
        (100, 0.45, 0.0, True),
        (100, 0.3, 1.0, False),
        (-40, 0.3, 0.0, True),
        (-40, 0.2, 1.0, False),
        (-45, 0.3, 0.05, True),
        (-45, 0.9, 0.01, False),
    ],
)
def test_a_face_that_the_frames_edge_cuts_needs_less_but_from_half_of_it_twice(
    left: int, probability: float, in_narrower_crop: float, is_face: bool
) -> None:
    seen = Detection(box=BBox(left, 100, left + 100, 200), score=0.9, keypoints=POINTS)
    verifier = Sure({100: probability, 83: in_narrower_crop})
    reader = ViewReader(ScriptedFaces(seen.box), verifier)
    assert reader.is_face(wall(), seen) is is_face
    assert not reader.is_face(wall(), replace(seen, keypoints=None))


class Inset(ScriptedFaces):
    """A face that only a mirror inside the frame's edge shows at its full width."""

    def detect(self, bgr: BgrImage, view: BBox, inset: float = 0.0) -> list[Detection]:
        self.views.append(view)
        (face,) = self.boxes
        box = face if inset else face.expand(1.2)
        return [Detection(box=box, score=0.9, keypoints=POINTS)] if view.contains(box) else []


def test_a_face_at_the_edge_is_measured_a_second_time_with_the_mirror_inside() -> None:
    face = BBox(-30, 100, 50, 180)
    detector = RoomDetector(Inset(face), Sure({80: 0.9}), runs_per_frame=2)
    assert [one.box for one in detector.detect_still(wall())] == [face]


class OnlyInset(Inset):
    """A face that no view shows without the mirror inside."""

    def detect(self, bgr: BgrImage, view: BBox, inset: float = 0.0) -> list[Detection]:
        return super().detect(bgr, view, inset) if inset else []


@pytest.mark.parametrize(("probability", "found"), [(0.8, 1), (0.6, 0)])
def test_a_face_that_only_the_inner_mirror_shows_needs_more(probability: float, found: int) -> None:
    face = BBox(-30, 100, 50, 180)
    detector = RoomDetector(OnlyInset(face), Sure({80: probability}), runs_per_frame=2)
    assert [one.box for one in detector.detect_still(wall())] == [face] * found


def test_in_a_video_the_mirror_is_inside_after_every_second_refusal() -> None:
    faces, verifier = Inset(BBox(-20, 100, 60, 180)), Sure({80: 0.9})
    assert len(watch(faces, verifier, 120)) == 1


def test_a_part_of_a_face_does_not_hide_the_face() -> None:
    """A view has a mouth in it as a small face, another one the whole face but for its edge."""
    mouth = Detection(box=BBox(230, 240, 290, 300), score=0.6, keypoints=POINTS)
    face = Detection(box=BBox(180, 120, 340, 280), score=0.5, keypoints=POINTS)
    views = [BBox(200, 200, 330, 330), BBox(190, 100, 390, 300)]

    class Both(ScriptedFaces):
        def detect(self, bgr: BgrImage, view: BBox, inset: float = 0.0) -> list[Detection]:
            return [mouth if view == views[0] else face]

    seen = ViewReader(Both(), Sure({})).read(wall(), views)
    assert [(each.face.box, each.is_cut) for each in seen] == [(mouth.box, False), (face.box, True)]
    whole = BBox(150, 100, 350, 300)  # of a view that has the face as a whole
    views[0], mouth = whole, replace(face, score=0.4)
    assert [each.is_cut for each in ViewReader(Both(), Sure({})).read(wall(), views)] == [False]


class Sure:
    """A verifier that is as sure of a box as told for its width, by default not at all."""

    def __init__(self, probabilities: dict[int, float]) -> None:
        self.probabilities = probabilities

    def probability(self, bgr: BgrImage, box: BBox, keypoints: FloatArray) -> float:
        return self.probabilities.get(round(box.width), 0.0)
