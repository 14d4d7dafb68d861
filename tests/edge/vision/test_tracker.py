import numpy as np
import pytest

from edge.config import TrackerConfig
from edge.datatypes import BBox, Detection, Sighting, Track
from edge.vision.tracker import Tracker

CONFIG = TrackerConfig(min_hits=2, max_lost_s=1.5)
FRAME_S = 1 / 15


def box_at(x: float, y: float = 100.0, side: float = 80.0) -> BBox:
    return BBox(x, y, x + side, y + side)


def seen(*boxes: BBox, searched: frozenset[int] = frozenset(range(1, 9))) -> Sighting:
    return Sighting(
        detections=tuple(Detection(box=box, score=0.9) for box in boxes), searched=searched
    )


def ids(tracks: tuple[Track, ...]) -> list[int]:
    return [track.track_id for track in tracks]


def test_a_face_is_shown_once_it_was_seen_often_enough() -> None:
    tracker = Tracker(CONFIG)
    assert ids(tracker.update(seen(box_at(100)), 0.0)) == []
    assert ids(tracker.update(seen(box_at(102)), FRAME_S)) == [1]


def test_ids_stay_with_two_faces_that_move_past_each_other_at_a_distance() -> None:
    tracker = Tracker(CONFIG)
    for i in range(60):
        tracks = tracker.update(seen(box_at(50 + 6 * i, 50), box_at(410 - 6 * i, 250)), i * FRAME_S)
    assert ids(tracks) == [1, 2]
    assert tracks[0].box.x1 == pytest.approx(50 + 6 * 59, abs=8)
    assert tracks[1].box.x1 == pytest.approx(410 - 6 * 59, abs=8)


def test_an_id_survives_a_second_of_occlusion_and_is_hidden_meanwhile() -> None:
    tracker = Tracker(CONFIG)
    for i in range(10):
        tracker.update(seen(box_at(100)), i * FRAME_S)
    for i in range(10, 25):
        tracks = tracker.update(seen(), i * FRAME_S)
    assert ids(tracks) == []
    assert ids(tracker.update(seen(box_at(110)), 25 * FRAME_S)) == [1]


def test_a_face_gone_for_longer_is_forgotten() -> None:
    tracker = Tracker(CONFIG)
    for i in range(60):
        tracker.update(seen(*([box_at(100)] if i < 10 else [])), i * FRAME_S)
    assert tracker.predict(4.0) == ()
    tracker.update(seen(box_at(100)), 4.0)
    assert ids(tracker.update(seen(box_at(100)), 4.1)) == [2]


def test_a_face_nobody_looked_for_is_not_missed() -> None:
    tracker = Tracker(CONFIG)
    for i in range(4):
        tracker.update(seen(box_at(100)), i * FRAME_S)
    for i in range(4, 40):
        tracks = tracker.update(seen(searched=frozenset()), i * FRAME_S)
    assert ids(tracks) == [1]
    assert tracks[0].missed == 0


def test_between_sightings_a_face_moves_on_and_slows_down() -> None:
    tracker = Tracker(CONFIG)
    for i in range(30):
        tracker.update(seen(box_at(100 + 5 * i)), i * FRAME_S)
    last_s = 29 * FRAME_S
    soon, later = (tracker.predict(last_s + s)[0].box.x1 for s in (0.2, 5.0))
    assert soon > 100 + 5 * 29 + 5
    assert later < 100 + 5 * 29 + 75 * 0.8


def test_two_tracks_on_one_face_become_the_older_one() -> None:
    tracker = Tracker(CONFIG)
    for i in range(3):
        tracker.update(seen(box_at(100), box_at(250)), i * FRAME_S)
    for i in range(3, 12):
        closer = 100 + (12 - i) * 12
        tracks = tracker.update(seen(box_at(100), box_at(closer)), i * FRAME_S)
    assert ids(tracks) == [1]


def test_a_box_of_another_size_is_another_face() -> None:
    tracker = Tracker(CONFIG)
    tracker.update(seen(box_at(100, side=60)), 0.0)
    tracker.update(seen(BBox(300, 100, 500, 300)), FRAME_S)
    assert len(tracker.predict(FRAME_S)) == 2


def test_keypoints_move_with_the_face() -> None:
    tracker = Tracker(CONFIG)
    for i in range(30):
        box = box_at(100 + 4 * i)
        points = np.full((6, 2), box.x1 + 20, np.float32)
        face = Detection(box=box, score=0.9, keypoints=points)
        sighting = Sighting(detections=(face,), searched=frozenset())
        tracks = tracker.update(sighting, i * FRAME_S)
    points = tracks[0].keypoints
    assert points is not None
    assert points[0, 0] - tracks[0].box.x1 == pytest.approx(20, abs=0.5)


def test_times_that_stand_still_or_go_back_do_no_harm() -> None:
    tracker = Tracker(CONFIG)
    for at_s in (1.0, 1.0, 0.5, 1.0):
        tracks = tracker.update(seen(box_at(100)), at_s)
    assert np.isfinite([tracks[0].box.x1, tracks[0].box.x2]).all()


def test_a_face_seen_again_at_the_same_time_does_not_run_away() -> None:
    tracker = Tracker(CONFIG)
    for x in (100, 110, 100, 110):
        tracker.update(seen(box_at(x)), 1.0)
    (track,) = tracker.predict(2.0)
    assert abs(track.box.x1 - 105) < 80


@pytest.mark.parametrize("away_s", [1.6, 7.0, 3600.0])
def test_nobody_is_shown_after_a_gap_in_which_they_left(away_s: float) -> None:
    tracker = Tracker(CONFIG)
    for i in range(10):
        tracker.update(seen(box_at(100), box_at(300)), i * FRAME_S)
    assert tracker.update(seen(), 9 * FRAME_S + away_s) == ()
    assert tracker.predict(9 * FRAME_S + away_s) == ()


def test_who_comes_after_an_hour_is_somebody_else() -> None:
    tracker = Tracker(CONFIG)
    for i in range(10):
        tracker.update(seen(box_at(100)), i * FRAME_S)
    for at_s in (3600.0, 3600.1):
        tracks = tracker.update(seen(box_at(100)), at_s)
    assert ids(tracks) == [2]


def test_when_time_goes_back_everybody_is_somebody_else() -> None:
    tracker = Tracker(CONFIG)
    for at_s in (9.9, 9.96, 0.0, 0.04):
        tracks = tracker.update(seen(box_at(100 if at_s > 1 else 500)), at_s)
    assert ids(tracks) == [2]
    assert len(tracker.predict(0.04)) == 1


def test_a_face_nobody_looks_for_is_not_known_for_ever() -> None:
    tracker = Tracker(CONFIG)
    for i in range(4):
        tracker.update(seen(box_at(100)), i * FRAME_S)
    for i in range(1, 30):
        tracker.update(seen(searched=frozenset()), i * 0.5)
    assert tracker.predict(15.0) == ()


def test_ids_are_not_given_again_after_a_reset() -> None:
    tracker = Tracker(CONFIG)
    for at_s in (0.0, 0.1):
        tracker.update(seen(box_at(100), box_at(300)), at_s)
    tracker.reset()
    for at_s in (0.2, 0.3):
        tracks = tracker.update(seen(box_at(100)), at_s)
    assert ids(tracks) == [3]
