import math
from itertools import pairwise

import pytest

from edge.datatypes import BBox, Track
from edge.vision.classification_turns import ClassificationTurns


def tracks(*ids: int) -> list[Track]:
    box = BBox(0, 0, 10, 10)
    return [Track(track_id=i, box=box, keypoints=None, hits=3, missed=0) for i in ids]


def classified(
    turns: ClassificationTurns,
    ids: tuple[int, ...],
    fps: float,
    seconds: float,
    changing: frozenset[int] = frozenset(),
) -> dict[int, list[float]]:
    """Return the times at which each track was classified."""
    times: dict[int, list[float]] = {i: [] for i in ids}
    for seq in range(round(seconds * fps)):
        at_s = seq / fps
        for track in turns.choose(tracks(*ids), at_s):
            times[track.track_id].append(at_s)
            turns.note(track.track_id, at_s, is_changing=track.track_id in changing)
    return times


@pytest.mark.parametrize("fps", [12.0, 15.0, 24.0, 30.0, 60.0, 120.0])
@pytest.mark.parametrize("faces", [1, 2])
def test_each_face_is_classified_ten_times_a_second_at_any_frame_rate(
    fps: float, faces: int
) -> None:
    turns = ClassificationTurns(rate_hz=10, max_per_frame=2)
    times = classified(turns, tuple(range(faces)), fps, 10.0)
    assert all(95 <= len(of_one) <= 105 for of_one in times.values())


def test_a_slow_camera_has_every_frame_classified() -> None:
    turns = ClassificationTurns(rate_hz=10, max_per_frame=2)
    assert len(classified(turns, (1,), 5.0, 10.0)[1]) == 50


def test_a_face_that_changes_is_classified_twice_as_often() -> None:
    turns = ClassificationTurns(rate_hz=10, max_per_frame=2)
    times = classified(turns, (1, 2), 60.0, 10.0, changing=frozenset({1}))
    assert 190 <= len(times[1]) <= 210
    assert 95 <= len(times[2]) <= 105


@pytest.mark.parametrize("changing", [frozenset[int](), frozenset({0, 1, 2})])
@pytest.mark.parametrize("rate_hz", [5, 7.5, 10, 15])
@pytest.mark.parametrize("faces", [3, 4, 5, 8])
def test_of_many_faces_none_waits_longer_than_a_round(
    changing: frozenset[int], rate_hz: float, faces: int
) -> None:
    turns = ClassificationTurns(rate_hz=rate_hz, max_per_frame=2)
    times = classified(turns, tuple(range(faces)), 15.0, 20.0, changing)
    longest_s = max(math.ceil(faces / 2), math.ceil(15 / rate_hz)) / 15
    for of_one in times.values():
        gaps = [b - a for a, b in pairwise(of_one)]
        assert of_one[0] < 0.3
        assert max(gaps) <= longest_s + 1e-6


@pytest.mark.parametrize("fps", [15.0, 30.0])
def test_faces_that_came_one_after_the_other_are_soon_classified_together(fps: float) -> None:
    turns = ClassificationTurns(rate_hz=7.5, max_per_frame=2)
    for at_s, track_id in ((0.0, 1), (1 / fps, 2)):
        turns.note(track_id, at_s, is_changing=False)
    chosen = []
    for seq in range(2, round(10 * fps)):
        due = turns.choose(tracks(1, 2), seq / fps)
        chosen += [[track.track_id for track in due]] if due else []
        for track in due:
            turns.note(track.track_id, seq / fps, is_changing=False)
    assert all(ids == [1, 2] for ids in chosen[1:])
    assert len(chosen) == pytest.approx(75, abs=2)


def test_a_new_face_comes_first() -> None:
    turns = ClassificationTurns(rate_hz=10, max_per_frame=1)
    for at_s in (0.0, 5.0):
        for track in turns.choose(tracks(1), at_s):
            turns.note(track.track_id, at_s, is_changing=False)
    assert [t.track_id for t in turns.choose(tracks(1, 2), 9.0)] == [2]


def test_a_long_gap_is_not_caught_up() -> None:
    turns = ClassificationTurns(rate_hz=10, max_per_frame=2)
    classified(turns, (1,), 30.0, 1.0)
    chosen = 0
    for seq in range(30):
        at_s = 60 + seq / 30
        for track in turns.choose(tracks(1), at_s):
            chosen += 1
            turns.note(track.track_id, at_s, is_changing=False)
    assert 9 <= chosen <= 11


@pytest.mark.parametrize("times", [[5.0] * 30, [5.0 - i for i in range(30)]])
def test_time_that_stands_still_or_runs_back_neither_stops_nor_floods_it(
    times: list[float],
) -> None:
    turns = ClassificationTurns(rate_hz=10, max_per_frame=2)
    most = []
    for at_s in times:
        chosen = turns.choose(tracks(1, 2, 3), at_s)
        most.append(len(chosen))
        for track in chosen:
            turns.note(track.track_id, at_s, is_changing=False)
    assert max(most) == 2
    assert [t.track_id for t in turns.choose(tracks(1, 2, 3), times[-1] + 1)]


def test_a_share_lowers_every_rate() -> None:
    turns = ClassificationTurns(rate_hz=10, max_per_frame=2)
    turns.share = 0.25
    assert len(classified(turns, (1,), 30.0, 10.0)[1]) == pytest.approx(25, abs=2)


def test_the_memory_of_faces_that_left_is_bounded() -> None:
    turns = ClassificationTurns(rate_hz=10, max_per_frame=2)
    for track_id in range(1000):
        turns.note(track_id, track_id / 10, is_changing=False)
        turns.keep_only({track_id})
    assert len(turns._turns) == 1
    turns.reset()
    assert turns._turns == {}
