from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from edge.config import load_config
from edge.datatypes import (
    BBox,
    BgrImage,
    Detection,
    EmotionScores,
    FaceState,
    Frame,
    Sighting,
    Snapshot,
    Track,
)
from edge.pipeline import Pipeline, dominant_label
from edge.smoothing import PRESETS
from edge.vision.classification_turns import ClassificationTurns
from edge.vision.smoother import Smoother
from edge.vision.tracker import Tracker

LABELS = ("angry", "happy")
CONFIG = load_config()


class RowOfPeople:
    """A detector that always sees the same number of people, side by side."""

    def __init__(self, people: int) -> None:
        self.people = people
        self.resets = 0

    def detect(self, bgr: BgrImage, tracks: Sequence[Track]) -> Sighting:
        faces = [Detection(box=b, score=0.9) for b in self.boxes()]
        return Sighting(detections=tuple(faces), searched=frozenset(t.track_id for t in tracks))

    def detect_still(self, bgr: BgrImage) -> list[Detection]:
        raise AssertionError("a video is not a still")

    def reset(self) -> None:
        self.resets += 1

    def boxes(self) -> list[BBox]:
        return [BBox(100 * i, 0, 100 * i + 80, 80) for i in range(self.people)]


class Smiles:
    """A classifier that finds everyone happy and keeps a list of whom it was shown."""

    labels = LABELS

    def __init__(self) -> None:
        self.asked: list[int] = []

    def classify(self, bgr: BgrImage, track: Track) -> EmotionScores:
        self.asked.append(track.track_id)
        return EmotionScores(track_id=track.track_id, probs=np.array([0.1, 0.9], np.float32))


def frame(seq: int, at_s: float | None = None, opening: int = 0) -> Frame:
    at_s = seq / 15 if at_s is None else at_s
    bgr = np.zeros((80, 700, 3), np.uint8)
    return Frame(bgr=bgr, seq=seq, captured_at_s=at_s, opening=opening)


def pipeline(detector: RowOfPeople, classifier: Smiles, max_per_frame: int = 2) -> Pipeline:
    return Pipeline(
        detector,
        Tracker(CONFIG.tracker),
        classifier,
        Smoother(CONFIG.smoother, LABELS),
        turns=ClassificationTurns(rate_hz=10, max_per_frame=max_per_frame),
    )


class PeopleAtTheEdges(RowOfPeople):
    """One at the left edge, one at the lower right corner, and one that has left the frame."""

    def boxes(self) -> list[BBox]:
        return [BBox(-30, 10, 30, 70), BBox(660, 30, 720, 90), BBox(300, -90, 380, -10)]


def test_boxes_are_told_within_the_frame_whose_size_is_told() -> None:
    line = pipeline(PeopleAtTheEdges(3), Smiles())
    line.step(frame(0))
    snapshot = line.step(frame(1))
    told = snapshot.to_dict()
    assert told["size"] == [700, 80]
    assert [face["box"] for face in told["faces"]] == [[0, 10, 30, 70], [660, 30, 700, 80]]
    # A view that hides faces hides the whole head, and also the one that has just left.
    assert {face.box for face in snapshot.faces} == set(PeopleAtTheEdges(3).boxes()[:2])
    assert list(snapshot.unshown.values()) == PeopleAtTheEdges(3).boxes()[2:]


def test_a_frame_becomes_a_snapshot_with_its_number_time_and_stages() -> None:
    line = pipeline(RowOfPeople(1), Smiles())
    line.step(frame(0))
    snapshot = line.step(frame(1))
    assert (snapshot.seq, snapshot.captured_at_s) == (1, 1 / 15)
    assert [face.label for face in snapshot.faces] == ["happy"]
    assert snapshot.dominant == "happy"
    assert set(snapshot.stage_ms) == {"detect", "track", "classify"}


def test_classification_is_bounded_and_goes_round_the_stalest_first() -> None:
    smiles = Smiles()
    line = pipeline(RowOfPeople(6), smiles, max_per_frame=2)
    for seq in range(1 + 6):
        before = len(smiles.asked)
        line.step(frame(seq))
        assert len(smiles.asked) - before <= 2
    assert sorted(smiles.asked[:6]) == [1, 2, 3, 4, 5, 6]
    assert sorted(smiles.asked[6:12]) == [1, 2, 3, 4, 5, 6]


def test_a_face_not_classified_yet_is_shown_without_a_label() -> None:
    line = pipeline(RowOfPeople(3), Smiles(), max_per_frame=1)
    line.step(frame(0))
    labels = [face.label for face in line.step(frame(1)).faces]
    assert labels == ["happy", None, None]


def test_nobody_there_is_no_mood() -> None:
    snapshot = pipeline(RowOfPeople(0), Smiles()).step(frame(0))
    assert (snapshot.faces, snapshot.dominant) == ((), None)


def test_the_memory_of_people_who_left_is_bounded() -> None:
    people, smoother = RowOfPeople(3), Smoother(CONFIG.smoother, LABELS)
    turns = ClassificationTurns(rate_hz=10, max_per_frame=3)
    line = Pipeline(people, Tracker(CONFIG.tracker), Smiles(), smoother, turns=turns)
    for seq in range(100):
        people.people = 3 if seq < 10 else 0
        line.step(frame(seq))
    assert all(smoother.updated_s(i) == float("-inf") for i in (1, 2, 3))


@pytest.mark.parametrize(
    ("shown", "mood"),
    [
        ([("happy", 0.5), ("happy", 0.5), ("angry", 0.9)], "happy"),
        ([("happy", 0.4), ("angry", 0.9)], "angry"),
        ([(None, 0.9)], None),
        ([], None),
    ],
)
def test_the_rooms_mood_is_the_label_with_the_most_confidence(
    shown: list[tuple[str | None, float]], mood: str | None
) -> None:
    faces = [
        FaceState(track_id=i, box=BBox(0, 0, 1, 1), label=label, confidence=c, probs={})
        for i, (label, c) in enumerate(shown)
    ]
    assert dominant_label(faces) == mood


def test_a_face_seen_once_or_just_gone_is_known_though_not_shown() -> None:
    room = RowOfPeople(1)
    line = pipeline(room, Smiles())
    first = line.step(frame(0))
    assert first.faces == ()
    assert list(first.unshown) == [1]
    assert first.unshown[1].iou(room.boxes()[0]) > 0.9
    second = line.step(frame(1))
    assert [face.track_id for face in second.faces] == [1]
    assert second.unshown == {}
    room.people = 0
    gone = [line.step(frame(seq)) for seq in range(2, 10)]
    assert gone[-1].faces == ()
    assert list(gone[-1].unshown) == [1]
    assert "unshown" not in gone[-1].to_dict()


def ids_of(snapshot: Snapshot) -> set[int]:
    """The ids of all tracks, shown or not."""
    return {face.track_id for face in snapshot.faces} | set(snapshot.unshown)


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


class Frowns(Smiles):
    """A classifier that finds everyone happy, and angry from a moment on."""

    angry = False

    def classify(self, bgr: BgrImage, track: Track) -> EmotionScores:
        self.asked.append(track.track_id)
        probs = np.array([0.9, 0.1] if self.angry else [0.1, 0.9], np.float32)
        return EmotionScores(track_id=track.track_id, probs=probs)


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
    return Pipeline(
        detector,
        Tracker(CONFIG.tracker),
        classifier,
        Smoother(CONFIG.smoother, LABELS),
        turns=ClassificationTurns(rate_hz=10, max_per_frame=2),
        live=False,
    )


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
    line = Pipeline(
        people,
        Tracker(CONFIG.tracker),
        Smiles(),
        Smoother(CONFIG.smoother, LABELS),
        turns=ClassificationTurns(rate_hz=10, max_per_frame=2),
        clock=lambda: people.now_s,
    )
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


@pytest.mark.parametrize("fps", [15, 30])
def test_a_face_is_classified_ten_times_a_second_and_more_while_it_changes(fps: int) -> None:
    frowns = Frowns()
    line = pipeline(RowOfPeople(1), frowns)
    for seq in range(4 * fps):
        line.step(frame(seq, seq / fps))
    steady, frowns.asked = len(frowns.asked) / 4, []
    frowns.angry = True
    for seq in range(4 * fps, 5 * fps):
        snapshot = line.step(frame(seq, seq / fps))
    assert steady == pytest.approx(10, abs=0.6)
    assert 12 <= len(frowns.asked) <= 20
    assert snapshot.faces[0].label == "angry"


class Watcher:
    """A FrameObserver that keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float]] = []
        self.share = 1.0
        self.again_s = 2.0

    def observe(self, bgr: BgrImage, tracks: Sequence[Track], at_s: float) -> None:
        self.seen.append((len(tracks), at_s))


def test_an_observer_sees_each_frame_with_its_tracks_and_a_time_that_grows() -> None:
    watcher = Watcher()
    line = Pipeline(
        RowOfPeople(1),
        Tracker(CONFIG.tracker),
        Smiles(),
        Smoother(CONFIG.smoother, LABELS),
        turns=ClassificationTurns(rate_hz=10, max_per_frame=2),
        observer=watcher,
    )
    for seq, at_s in enumerate((5.0, 5.1, 5.1, 5.05)):
        line.step(frame(seq, at_s))
    assert [people for people, _ in watcher.seen] == [0, 1, 1, 1]
    times = [at_s for _, at_s in watcher.seen]
    assert times == sorted(set(times))
    line.slow_to(0.25)
    assert watcher.share == 0.25


def test_other_smoothing_counts_from_the_next_frame_on() -> None:
    class Turning(Smiles):
        probs = (0.1, 0.9)

        def classify(self, bgr: BgrImage, track: Track) -> EmotionScores:
            return EmotionScores(track_id=track.track_id, probs=np.array(self.probs, np.float32))

    def labels_after(retuned: dict[str, float]) -> list[str | None]:
        face = Turning()
        line, calm = pipeline(RowOfPeople(1), face), PRESETS["calm"]
        line.retune(msgspec.structs.replace(CONFIG.smoother, **calm), 0.0)
        for seq in range(15):
            line.step(frame(seq))
        face.probs = (0.9, 0.1)
        line.retune(msgspec.structs.replace(CONFIG.smoother, **retuned), 0.0)
        return [line.step(frame(seq)).faces[0].label for seq in range(15, 23)]

    calm, lively = (labels_after(dict(PRESETS[name])) for name in ("calm", "lively"))
    assert calm[-1] == "happy"
    assert lively[-1] == "angry"


def test_at_a_share_of_the_effort_faces_are_classified_less_often() -> None:
    smiles = Smiles()
    line = pipeline(RowOfPeople(1), smiles)
    line.slow_to(0.25)
    for seq in range(8 * 15):
        snapshot = line.step(frame(seq))
        assert len(snapshot.faces) == (seq > 0)
    assert len(smiles.asked) == pytest.approx(20, abs=2)
