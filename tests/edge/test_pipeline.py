from collections.abc import Sequence

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
    Track,
)
from edge.pipeline import Pipeline, dominant_label
from edge.vision.smoother import Smoother
from edge.vision.tracker import Tracker

LABELS = ("angry", "happy")
CONFIG = load_config()


class RowOfPeople:
    """A detector that always sees the same number of people, side by side."""

    def __init__(self, people: int) -> None:
        self.people = people

    def detect(self, bgr: BgrImage, tracks: Sequence[Track]) -> Sighting:
        faces = [Detection(box=b, score=0.9) for b in self.boxes()]
        return Sighting(detections=tuple(faces), looked_for=frozenset(t.track_id for t in tracks))

    def detect_still(self, bgr: BgrImage) -> list[Detection]:
        raise AssertionError("a video is not a still")

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


def frame(seq: int) -> Frame:
    return Frame(bgr=np.zeros((80, 700, 3), np.uint8), seq=seq, captured_at_s=seq / 15)


def pipeline(detector: RowOfPeople, classifier: Smiles, max_per_frame: int = 2) -> Pipeline:
    return Pipeline(
        detector,
        Tracker(CONFIG.tracker),
        classifier,
        Smoother(CONFIG.smoother, LABELS),
        max_per_frame=max_per_frame,
    )


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
    line = Pipeline(people, Tracker(CONFIG.tracker), Smiles(), smoother, max_per_frame=3)
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
