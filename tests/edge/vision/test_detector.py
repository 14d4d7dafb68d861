"""The detector of a room on scripted faces: which views it reads, and in which order."""

import numpy as np
import pytest
from faces import wall
from scenes import SIZE
from scripted_faces import POINTS, ScriptedFaces, ScriptedVerifier, watch

from edge.config import TrackerConfig
from edge.datatypes import BBox, Track
from edge.vision.detector import RoomDetector, frames_per_round
from edge.vision.tiling import video_views
from edge.vision.tracker import Tracker


@pytest.mark.parametrize("runs_per_frame", [1, 2, 5])
@pytest.mark.parametrize("people", [0, 1, 6])
def test_every_frame_costs_the_same_number_of_runs(runs_per_frame: int, people: int) -> None:
    boxes = [BBox(20 + 100 * i, 100, 80 + 100 * i, 160) for i in range(people)]
    faces, verifier = ScriptedFaces(*boxes), ScriptedVerifier(*boxes)
    watch(faces, verifier, 40, runs_per_frame)
    assert len(faces.views) + verifier.runs == 40 * runs_per_frame


def test_a_small_face_far_from_the_middle_is_found_within_half_a_second() -> None:
    small = BBox(590, 430, 638, 478)
    tracks = watch(ScriptedFaces(small), ScriptedVerifier(small), 8)
    assert [track.box.iou(small) > 0.9 for track in tracks] == [True]


def test_a_face_that_fails_verification_is_never_shown() -> None:
    wallpaper = BBox(100, 100, 160, 160)
    assert watch(ScriptedFaces(wallpaper), ScriptedVerifier(), 60) == ()


def test_a_track_that_has_slid_onto_the_wallpaper_is_given_up() -> None:
    box = BBox(100, 100, 180, 180)
    faces, verifier = ScriptedFaces(box), ScriptedVerifier(box)
    detector = RoomDetector(faces, verifier, runs_per_frame=2)
    tracker = Tracker(TrackerConfig(min_hits=2, max_lost_s=1.5))
    shown = []
    for i in range(150):
        if i == 30:
            verifier.believed = []
        tracks = tracker.update(detector.detect(wall(), tracker.predict(i / 15)), i / 15)
        shown.append(len(tracks))
    assert shown[29] == 1
    assert shown[-1] == 0


def test_every_known_face_is_looked_at_in_turn() -> None:
    boxes = [BBox(20 + 150 * i, 200, 90 + 150 * i, 270) for i in range(4)]
    tracks = watch(ScriptedFaces(*boxes), ScriptedVerifier(*boxes), 60)
    assert len(tracks) == 4
    assert min(track.hits for track in tracks) > 8


@pytest.mark.parametrize("known", [0, 1, 3])
def test_a_crowd_of_newcomers_is_suspected_within_a_round(known: int) -> None:
    """What edge/web/privacy.py waits for: each of them is found, or a candidate to be confirmed."""
    boxes = [
        BBox(20 + 105 * i, 40 + 70 * (i % 5), 80 + 105 * i, 100 + 70 * (i % 5)) for i in range(6)
    ]
    faces, verifier = ScriptedFaces(*boxes[:known]), ScriptedVerifier(*boxes)
    detector = RoomDetector(faces, verifier, runs_per_frame=2)
    tracker = Tracker(TrackerConfig(min_hits=2, max_lost_s=1.5))
    for i in range(40):
        tracker.update(detector.detect(wall(), tracker.predict(i / 15)), i / 15)
    faces.boxes = boxes
    suspected: set[int] = set()
    for i in range(40, 40 + frames_per_round(SIZE, 2) - 2):
        sighting = detector.detect(wall(), tracker.predict(i / 15))
        tracker.update(sighting, i / 15)
        seen = (*sighting.detections, *sighting.candidates)
        suspected |= {n for n, box in enumerate(boxes) for face in seen if face.box.iou(box) > 0.5}
    assert suspected >= set(range(known, 6))


def test_a_strip_is_read_with_as_few_runs_as_a_photograph() -> None:
    faces, verifier = ScriptedFaces(), ScriptedVerifier()
    detector = RoomDetector(faces, verifier, runs_per_frame=2)
    detector.detect_still(np.zeros((2000, 1, 3), np.uint8))
    strip, faces.views = len(faces.views), []
    detector.detect_still(np.zeros((40, 50, 3), np.uint8))
    assert strip <= len(faces.views)


def test_faces_all_along_a_panorama_are_found() -> None:
    people = [BBox(x, 120, x + 220, 340) for x in range(50, 7700, 450)]
    faces, verifier = ScriptedFaces(*people), ScriptedVerifier(*people)
    detector = RoomDetector(faces, verifier, runs_per_frame=2)
    found = detector.detect_still(np.zeros((500, 8000, 3), np.uint8))
    assert len(found) == len(people)


def test_only_so_many_faces_of_a_still_are_looked_at_again() -> None:
    crowd = [BBox(x, y, x + 30, y + 30) for x in range(0, 1200, 40) for y in range(0, 400, 40)]
    faces, verifier = ScriptedFaces(*crowd), ScriptedVerifier(*crowd)
    detector = RoomDetector(faces, verifier, runs_per_frame=2)
    assert len(detector.detect_still(np.zeros((400, 1200, 3), np.uint8))) == verifier.runs == 200


def test_after_a_reset_it_looks_as_it_did_at_first() -> None:
    boxes = [BBox(100, 100, 180, 180), BBox(400, 300, 480, 380)]
    faces, verifier = ScriptedFaces(*boxes), ScriptedVerifier(*boxes)
    detector = RoomDetector(faces, verifier, runs_per_frame=2)
    rounds = []
    for frames in (7, 12, 12):  # the first is left in the middle of everything
        detector.reset()
        faces.views.clear()
        rounds.append([len(detector.detect(wall(), ()).detections) for _ in range(frames)])
        rounds.append(list(faces.views))
    assert rounds[2:4] == rounds[4:6]
    assert rounds[2][:7] == rounds[0]


def test_many_people_stay_known_in_a_slow_video() -> None:
    boxes = [BBox(20 + 75 * i, 100, 80 + 75 * i, 160) for i in range(8)]
    tracks = watch(ScriptedFaces(*boxes), ScriptedVerifier(*boxes), 60, fps=2)
    assert len(tracks) == 8
    assert max(track.track_id for track in tracks) == 8


class NothingDue:
    """A ViewFilter that spares every run but those on the views it is told of."""

    def __init__(self, *due: BBox) -> None:
        self.due = set(due)
        self.followed: list[int] = []

    def is_due(self, view: BBox) -> bool:
        return view in self.due

    def is_face_due(self, track: Track) -> bool:
        self.followed.append(track.track_id)
        return False

    def reset(self) -> None:
        pass


def test_a_spared_run_is_left_to_the_processor() -> None:
    box = BBox(100, 100, 180, 180)
    faces, verifier = ScriptedFaces(box), ScriptedVerifier(box)
    due = NothingDue()
    detector = RoomDetector(faces, verifier, runs_per_frame=2, due=due)
    known = Track(track_id=7, box=box, keypoints=POINTS, hits=9, missed=0)
    for _ in range(12):
        sighting = detector.detect(wall(), (known,))
        assert (sighting.detections, sighting.searched) == ((), frozenset())
    assert (len(faces.views), verifier.runs) == (0, 0)
    assert len(due.followed) == 12


def test_the_view_that_is_due_is_searched_in_the_next_turn() -> None:
    small = BBox(590, 430, 638, 478)
    view = video_views(SIZE)[-1]
    faces, verifier = ScriptedFaces(small), ScriptedVerifier(small)
    detector = RoomDetector(faces, verifier, runs_per_frame=2, due=NothingDue(view))
    assert detector.detect(wall(), ()).detections
    assert set(faces.views) == {view}
