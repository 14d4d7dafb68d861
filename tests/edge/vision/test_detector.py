from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from faces import hang, wall

from edge.config import TrackerConfig
from edge.datatypes import BBox, BgrImage, Detection, FloatArray, Track
from edge.errors import ModelError
from edge.vision.blazeface import BlazeFace, find_network
from edge.vision.detector import RoomDetector, frames_per_round
from edge.vision.face_verifier import LandmarkFaceVerifier
from edge.vision.haar import HaarDetector
from edge.vision.nms import merge_detections
from edge.vision.refusals import Refusals
from edge.vision.tiling import (
    MOST_SHORT_SIDES,
    sees_enough,
    sees_whole,
    still_views,
    tile_views,
    video_views,
    whole_view,
)
from edge.vision.tracker import Tracker
from edge.vision.view_reader import ViewReader

SIZE = (640, 480)
POINTS = np.zeros((6, 2), np.float32)


class ScriptedFaces:
    """Faces at known places, seen by any view that holds them; counts its runs."""

    def __init__(self, *boxes: BBox, score: float = 0.9) -> None:
        self.boxes = list(boxes)
        self.score = score
        self.views: list[BBox] = []

    def detect(self, bgr: BgrImage, view: BBox) -> list[Detection]:
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


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (480, 640), (48, 48), (2000, 300)])
def test_tiles_cover_the_frame_and_overlap(size: tuple[int, int]) -> None:
    side = min(size) * 0.54
    tiles = tile_views(size, side)
    covered = np.zeros((size[1], size[0]), bool)
    for tile in tiles:
        covered[int(tile.y1) : round(tile.y2), int(tile.x1) : round(tile.x2)] = True
    assert covered.all()
    face = side * 0.25
    for x in np.linspace(0, size[0] - face, 23):
        for y in np.linspace(0, size[1] - face, 17):
            assert any(t.contains(BBox(x, y, x + face, y + face)) for t in tiles)


def test_a_video_rotation_is_short_and_a_still_gets_more() -> None:
    assert len(video_views(SIZE)) == 13
    assert len(still_views(SIZE)) == 37


@pytest.mark.parametrize(
    "size",
    [(640, 480), (480, 640), (1280, 720), (480, 480), (2560, 1080), (1440, 480), (480, 3000)],
)
def test_a_face_of_any_size_is_whole_in_a_view_that_is_not_too_large_for_it(
    size: tuple[int, int],
) -> None:
    views = video_views(size)
    smallest = min(view.width for view in views) / MOST_SHORT_SIDES
    for face in np.geomspace(smallest * 1.01, min(size) * 0.95, 9):
        for x in np.linspace(0, size[0] - face, 29):
            for y in np.linspace(0, size[1] - face, 13):
                box = BBox(x, y, x + face, y + face)
                assert any(
                    view.contains(box) and face >= view.width / (MOST_SHORT_SIDES + 1e-6)
                    for view in views
                ), (face, x, y)


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1440, 480)])
def test_tiles_reach_past_every_edge_by_a_fifth_of_their_side(size: tuple[int, int]) -> None:
    views = video_views(size)
    side = min(view.width for view in views)
    tiles = [view for view in views if view.width < side * 1.01]
    assert max(min(t.x1 for t in tiles), min(t.y1 for t in tiles)) <= -0.2 * side + 1e-6
    assert max(t.x2 for t in tiles) >= size[0] + 0.2 * side - 1e-6
    assert max(t.y2 for t in tiles) >= size[1] + 0.2 * side - 1e-6


def test_an_image_too_small_for_tiles_is_one_view() -> None:
    assert still_views((48, 48)) == video_views((48, 48)) == (whole_view((48, 48)),)


def test_a_face_cut_by_a_views_edge_is_left_to_another_view() -> None:
    view = BBox(100, 100, 300, 300)
    assert sees_whole(view, BBox(120, 120, 200, 200), SIZE)
    assert not sees_whole(view, BBox(90, 120, 200, 200), SIZE)
    corner = BBox(0, 0, 200, 200)
    assert sees_whole(corner, BBox(-10, -5, 60, 60), SIZE)
    assert sees_whole(whole_view(SIZE), BBox(600, 400, 660, 490), SIZE)


def test_the_mirror_image_of_a_face_is_no_face() -> None:
    view = BBox(-60, 100, 200, 360)
    assert sees_enough(view, BBox(10, 150, 70, 210), SIZE)
    assert not sees_enough(view, BBox(-70, 150, -10, 210), SIZE)
    assert sees_enough(view, BBox(-24, 150, 36, 210), SIZE)  # 60% of it in view
    assert not sees_enough(view, BBox(160, 150, 280, 270), SIZE)  # a third of it in the view


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


def test_a_false_face_that_comes_again_is_refused_again_and_forgotten_at_last() -> None:
    refusals = Refusals()
    for number in range(40):
        box = BBox(100 * number, 0, 100 * number + 50, 50)
        assert refusals.count(box) == 0
        refusals.add(box)
        refusals.add(box.translate(3, 0))
        assert refusals.count(box) == 2
    assert refusals.count(BBox(0, 0, 50, 50)) == 0


def test_detections_of_one_face_become_their_weighted_mean() -> None:
    def face(x: float, score: float) -> Detection:
        return Detection(box=BBox(x, 0, x + 100, 100), score=score, keypoints=POINTS + x)

    merged = merge_detections([face(0, 0.6), face(10, 0.9), face(300, 0.5)])

    assert [round(d.score, 2) for d in merged] == [0.9, 0.5]
    assert merged[0].box.x1 == pytest.approx(6.0)
    assert merged[0].keypoints is not None
    assert merged[0].keypoints[0, 0] == pytest.approx(6.0)


def test_a_part_of_a_face_is_no_face_of_its_own() -> None:
    whole = Detection(box=BBox(0, 0, 100, 100), score=0.9)
    mouth = Detection(box=BBox(30, 60, 70, 100), score=0.8)
    assert len(merge_detections([mouth, whole])) == 1


@pytest.fixture(scope="module")
def room() -> RoomDetector:
    return RoomDetector(
        BlazeFace(find_network("face_detection_short_range.tflite"), min_score=0.4),
        LandmarkFaceVerifier(find_network("face_landmark.tflite")),
        runs_per_frame=2,
    )


def test_the_real_networks_find_near_and_far_faces_of_a_still(room: RoomDetector) -> None:
    picture = wall()
    portraits = [
        hang(picture, "happy", 20, 30, 260),
        hang(picture, "surprise", 400, 60, 120),
        hang(picture, "happy", 520, 350, 80),
    ]
    faces = room.detect_still(picture)
    assert len(faces) == 3
    for portrait in portraits:
        assert sum(portrait.contains(face.box) for face in faces) == 1


def test_the_verifier_tells_a_face_from_a_wall(room: RoomDetector) -> None:
    picture = wall()
    hang(picture, "happy", 100, 100, 200)
    (face,) = room.detect_still(picture)
    verifier = LandmarkFaceVerifier(find_network("face_landmark.tflite"))
    assert face.keypoints is not None
    assert verifier.probability(picture, face.box, face.keypoints) > 0.9
    elsewhere = face.keypoints + np.float32((280, 100))
    assert verifier.probability(picture, face.box.translate(280, 100), elsewhere) < 0.1
    assert verifier.probability(picture, face.box, POINTS) == 0.0


def test_a_network_without_a_face_flag_is_refused() -> None:
    with pytest.raises(ModelError, match="not a face landmark network"):
        LandmarkFaceVerifier(find_network("face_detection_short_range.tflite"))


def test_haar_finds_the_same_face_and_knows_no_keypoints(room: RoomDetector) -> None:
    picture = wall()
    hang(picture, "happy", 150, 100, 240)
    (blaze,) = room.detect_still(picture)
    faces = HaarDetector(min_score=0.5).detect_still(picture)
    assert faces[0].keypoints is None
    assert faces[0].box.iou(blaze.box) > 0.6
    assert HaarDetector(min_score=0.5).detect_still(wall()) == []


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 2000), (2000, 1), (60000, 3), (10000, 500), (3000, 1000), (2560, 1080)]
)
def test_no_shape_of_a_frame_costs_much_more_than_another(size: tuple[int, int]) -> None:
    usual = len(still_views((4000, 3000)))
    for views in (video_views(size), still_views(size)):
        assert 1 <= len(views) <= 3 * usual
        assert max(view.width for view in views) <= 7 * min(size)


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
