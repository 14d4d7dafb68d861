"""The pipeline on fake people: what a frame becomes, and how often faces are classified."""

from collections.abc import Sequence

import msgspec
import pytest
from fake_people import CONFIG, LABELS, Frowns, RowOfPeople, Smiles, frame, pipeline

from edge.datatypes import BBox, BgrImage, FaceState, Track
from edge.pipeline import Pipeline, dominant_label
from edge.smoothing import PRESETS
from edge.vision.classification_turns import ClassificationTurns
from edge.vision.smoother import Smoother
from edge.vision.tracker import Tracker


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
    line = pipeline(RowOfPeople(1), Smiles(), observer=watcher)
    for seq, at_s in enumerate((5.0, 5.1, 5.1, 5.05)):
        line.step(frame(seq, at_s))
    assert [people for people, _ in watcher.seen] == [0, 1, 1, 1]
    times = [at_s for _, at_s in watcher.seen]
    assert times == sorted(set(times))
    line.slow_to(0.25)
    assert watcher.share == 0.25


def test_other_smoothing_counts_from_the_next_frame_on() -> None:
    def labels_after(retuned: dict[str, float]) -> list[str | None]:
        face = Frowns()
        line, calm = pipeline(RowOfPeople(1), face), PRESETS["calm"]
        line.retune(msgspec.structs.replace(CONFIG.smoother, **calm), 0.0)
        for seq in range(15):
            line.step(frame(seq))
        face.angry = True
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
