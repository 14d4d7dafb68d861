"""The pipeline when a video's times jump, and stills of a time-lapse."""

import pytest
from fake_people import Frowns, RowOfPeople, Smiles, frame, ids_of, pipeline

from edge.datatypes import BgrImage, Detection
from edge.pipeline import Pipeline


@pytest.mark.parametrize(
    ("at_s", "opening"),
    [(3600.0, 0), (2.0, 1), (-10.0, 0), (0.0, 1), (20.0, 0), (float("nan"), 0)],
)
def test_nobody_is_known_after_a_break(at_s: float, opening: int) -> None:
    room = RowOfPeople(2)
    line = pipeline(room, Smiles())
    for seq in range(30):
        line.step(frame(seq))
    room.people, resets = 0, room.resets
    after = line.step(frame(30, at_s, opening))
    assert ids_of(after) == set()
    assert room.resets == resets + 1
    room.people = 2
    assert ids_of(line.step(frame(31, at_s + 1 / 15, opening))) == {3, 4}


def test_who_sits_where_somebody_sat_an_hour_ago_is_another_person() -> None:
    smiles = Smiles()
    line = pipeline(RowOfPeople(1), smiles)
    for seq in range(30):
        line.step(frame(seq))
    first = line.step(frame(30, 3600.0))
    second = line.step(frame(31, 3600.1))
    assert (first.faces, list(first.unshown)) == ((), [2])
    assert [face.track_id for face in second.faces] == [2]


def test_every_video_begins_with_a_detector_that_has_seen_nothing() -> None:
    room = RowOfPeople(1)
    for videos in (1, 2):
        pipeline(room, Smiles()).step(frame(0))
        assert room.resets == videos


@pytest.mark.parametrize(
    "times",
    [
        [9.96 + i / 25 for i in range(-50, 0)] + [i / 25 for i in range(75)],  # wrapped
        [i / 25 for i in range(50)] + [7200 + i / 25 for i in range(75)],  # joined
        [5.0] * 125,  # no times at all
        [i / 25 + (-0.05 if i % 3 == 0 else 0.05) for i in range(125)],  # out of order
    ],
)
def test_labels_follow_the_faces_whatever_the_times_do(times: list[float]) -> None:
    frowns = Frowns()
    line = pipeline(RowOfPeople(1), frowns)
    for seq, at_s in enumerate(times):
        frowns.angry = seq >= 50
        snapshot = line.step(frame(seq, at_s))
        assert snapshot.captured_at_s == at_s
        assert len(ids_of(snapshot)) == 1
    (face,) = snapshot.faces
    assert face.label == "angry"
    assert face.confidence > 0.8
    assert face.box.iou(RowOfPeople(1).boxes()[0]) > 0.95


def test_a_slow_video_shows_its_faces() -> None:
    line = pipeline(RowOfPeople(2), Smiles())
    line.step(frame(0, 0.0))
    for seq in range(1, 5):
        assert len(line.step(frame(seq, 4.0 * seq)).faces) == 2


class Moments(RowOfPeople):
    """The same people, whom a still shows all at once; counts the stills."""

    stills = 0

    def detect_still(self, bgr: BgrImage) -> list[Detection]:
        self.stills += 1
        return [Detection(box=box, score=0.9) for box in self.boxes()]


def of_a_file(detector: RowOfPeople, classifier: Smiles) -> Pipeline:
    return pipeline(detector, classifier, live=False)


@pytest.mark.parametrize("gap_s", [0.6, 1.0, 4.9, 5.1, 3600.0])
def test_every_face_of_a_time_lapse_is_shown_and_read_in_every_frame(gap_s: float) -> None:
    people = Moments(6)
    line = of_a_file(people, Smiles())
    shown = [line.step(frame(seq, seq * gap_s)).faces for seq in range(4)]
    assert [[face.label for face in faces] for faces in shown] == [["happy"] * 6] * 4
    assert people.stills == 4


def test_a_face_that_left_a_time_lapse_is_not_shown_in_the_next_frame() -> None:
    people = Moments(6)
    line = of_a_file(people, Smiles())
    line.step(frame(0, 0.0))
    people.people = 2
    after = line.step(frame(1, 1.0))
    assert len(after.faces) == 2
    people.people = 6
    assert len(line.step(frame(2, 2.0)).faces) == 6


@pytest.mark.parametrize(("gap_s", "stills"), [(1 / 15, 1), (0.5, 1), (-0.2, 1), (-3.0, 1)])
def test_only_a_pause_of_more_than_half_a_second_makes_a_still(gap_s: float, stills: int) -> None:
    people = Moments(1)
    line = of_a_file(people, Smiles())
    for seq in range(5):
        line.step(frame(seq, 100 + seq * gap_s))
    assert people.stills == stills  # the first frame


class SlowMoments(Moments):
    """People of whom a still takes a while, by a clock of its own."""

    def __init__(self, people: int, took_s: float) -> None:
        super().__init__(people)
        self.took_s = took_s
        self.now_s = 0.0

    def detect_still(self, bgr: BgrImage) -> list[Detection]:
        self.now_s += self.took_s
        return super().detect_still(bgr)


@pytest.mark.parametrize(
    ("camera_s", "took_s", "stills"),
    [(1.0, 0.1, 9), (1.0, 0.45, 9), (1.0, 0.8, 5), (0.04, 0.8, 1), (0.04, 5.5, 1)],
)
def test_a_camera_is_seen_in_stills_only_while_the_board_has_time_for_them(
    camera_s: float, took_s: float, stills: int
) -> None:
    """A frame comes every `camera_s`, or when the board is ready; the second one late."""
    people = SlowMoments(1, took_s)
    line = pipeline(people, Smiles(), clock=lambda: people.now_s)
    captured_s = 0.0
    for seq in range(10):
        line.step(frame(seq, captured_s))
        captured_s = max(captured_s + (1.0 if seq == 0 else camera_s), people.now_s)
        people.now_s = captured_s
    assert people.stills == stills


def test_the_first_frame_of_a_camera_is_no_still() -> None:
    people = Moments(1)
    pipeline(people, Smiles()).step(frame(0))
    assert people.stills == 0
