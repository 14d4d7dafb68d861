"""People that a fake detector and a fake classifier see, and a pipeline of them."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from edge.config import load_config
from edge.datatypes import (
    BBox,
    BgrImage,
    Detection,
    EmotionScores,
    FloatArray,
    Frame,
    Sighting,
    Snapshot,
    Track,
)
from edge.pipeline import Pipeline
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

    def classify(self, bgr: BgrImage, tracks: Sequence[Track]) -> list[EmotionScores]:
        self.asked += [track.track_id for track in tracks]
        probs = self.probs()
        return [EmotionScores(track_id=track.track_id, probs=probs) for track in tracks]

    def probs(self) -> FloatArray:
        return np.array([0.1, 0.9], np.float32)


def frame(seq: int, at_s: float | None = None, opening: int = 0) -> Frame:
    at_s = seq / 15 if at_s is None else at_s
    bgr = np.zeros((80, 700, 3), np.uint8)
    return Frame(bgr=bgr, seq=seq, captured_at_s=at_s, opening=opening)


def pipeline(
    detector: RowOfPeople, classifier: Smiles, max_per_frame: int = 2, **parts: Any
) -> Pipeline:
    """A pipeline by a clock that ticks when it is read: it waits less than it works."""
    return Pipeline(
        detector,
        Tracker(CONFIG.tracker),
        classifier,
        Smoother(CONFIG.smoother, LABELS),
        turns=ClassificationTurns(rate_hz=10, max_per_frame=max_per_frame),
        **{"clock": itertools.count().__next__, **parts},
    )


def ids_of(snapshot: Snapshot) -> set[int]:
    """The ids of all tracks, shown or not."""
    return {face.track_id for face in snapshot.faces} | set(snapshot.unshown)


class Frowns(Smiles):
    """A classifier that finds everyone happy, and angry from a moment on."""

    angry = False

    def probs(self) -> FloatArray:
        return np.array([0.9, 0.1] if self.angry else [0.1, 0.9], np.float32)
