"""Turns a frame into a snapshot. Orchestration only: the stages are passed in. No I/O here."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from edge.config import SmootherConfig
from edge.datatypes import (
    BgrImage,
    EmotionScores,
    FaceState,
    Frame,
    Sighting,
    Snapshot,
    Track,
)
from edge.vision.classification_turns import ClassificationTurns
from edge.vision.detector import FaceDetector
from edge.vision.smoother import Smoother
from edge.vision.tracker import Tracker


class FaceClassifier(Protocol):
    """Classifies the expressions of faces."""

    labels: tuple[str, ...]

    def classify(self, bgr: BgrImage, tracks: Sequence[Track]) -> Sequence[EmotionScores]:
        """Return the probabilities of each track's expression in the frame `bgr`."""
        ...


class FrameObserver(Protocol):
    """Sees each frame before the detector runs on it."""

    share: float
    """In this share of the frames, 0..1, the detector may run."""

    again_s: float
    """At the latest so long after its last run it runs again, 0: in every turn."""

    def observe(self, bgr: BgrImage, tracks: Sequence[Track], at_s: float) -> None:
        """Take the next frame, the tracks predicted in it, and the stages' time."""
        ...


# Frames further apart are not consecutive, and a larger step back means another recording. The
# state of the earlier frames does not apply then.
_LONGEST_GAP_S, _LONGEST_STEP_BACK_S = 5.0, 0.5
# A frame so long after the last one is detected as a still: people have moved on, and there was
# time for more runs.
_STILL_AFTER_S = 0.5
# A frame that is not later than the frame before counts as this much later.
_STANDSTILL_S = 1 / 30


class Pipeline:
    """Runs detector, tracker, classifier and smoother in this order, for one video at a time.

    Their time only goes forward. They are reset when the frames' times jump or the camera was
    opened again, see `_time_of`. `turns` bounds the number of faces that are classified in a frame,
    so that the frame rate does not fall with the number of faces.

    A frame of a time-lapse, see `_is_sparse`, is detected as a still, and all its faces are
    classified.
    """

    def __init__(
        self,
        detector: FaceDetector,
        tracker: Tracker,
        classifier: FaceClassifier,
        smoother: Smoother,
        *,
        turns: ClassificationTurns,
        observer: FrameObserver | None = None,
        live: bool = True,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`live` is whether frames pass while it works, as those of a camera do."""
        self._detector = detector
        self._tracker = tracker
        self._classifier = classifier
        self._smoother = smoother
        self._turns = turns
        self._observer = observer
        self._clock = clock
        self._live = live
        self._ended_s = self._took_s = 0.0
        self._before: tuple[int, float] | None = None
        self._at_s = 0.0

    def reset(self) -> None:
        """Forget every face. Ids are not reused."""
        self._detector.reset()
        self._tracker.reset()
        self._smoother.reset()
        self._turns.reset()

    def slow_to(self, share: float) -> None:
        """Do this share, 0..1, of the search for faces and of their classification."""
        self._turns.share = share
        if self._observer is not None:
            self._observer.share = share

    def retune(self, smoother: SmootherConfig, search_again_s: float) -> None:
        """Follow other settings from the next frame on; callable from any thread."""
        self._smoother.config = smoother
        if self._observer is not None:
            self._observer.again_s = search_again_s

    def step(self, frame: Frame) -> Snapshot:
        """Process the next frame; `stage_ms` of the snapshot is the duration of each stage."""
        started_s = self._clock()
        snapshot = self._processed(frame, is_sparse=self._is_sparse(frame, started_s))
        self._ended_s = self._clock()
        self._took_s = self._ended_s - started_s
        return snapshot

    def _processed(self, frame: Frame, *, is_sparse: bool) -> Snapshot:
        at_s = self._time_of(frame)
        stage_ms: dict[str, float] = {}
        with self._timed("detect", stage_ms):
            known = self._tracker.predict(at_s)
            if self._observer is not None:
                self._observer.observe(frame.bgr, known, at_s)
            sighting = self._detected(frame.bgr, known, is_sparse=is_sparse)
        with self._timed("track", stage_ms):
            tracks = self._tracker.update(sighting, at_s)
        with self._timed("classify", stage_ms):
            chosen = tracks if is_sparse else self._turns.choose(tracks, at_s)
            self._classify(frame.bgr, chosen, at_s)
        known_ids = {track.track_id for track in (*known, *tracks)}
        self._smoother.keep_only(known_ids)
        self._turns.keep_only(known_ids)
        seen = [track for track in tracks if track.box.clip(*frame.size).area > 0]
        faces = tuple(self._smoother.state(track) for track in seen)
        shown = {track.track_id for track in seen}
        return Snapshot(
            seq=frame.seq,
            captured_at_s=frame.captured_at_s,
            faces=faces,
            dominant=dominant_label(faces),
            stage_ms=stage_ms,
            unshown={i: box for i, box in self._tracker.boxes.items() if i not in shown},
            candidates=tuple(face.box for face in sighting.candidates),
            size=frame.size,
        )

    def _is_sparse(self, frame: Frame, now_s: float) -> bool:
        """Whether `frame` comes so long after the last one that it is detected as a still.

        A live video's frame does so only if the pipeline waited for it at least as long as it
        worked: a slow board, on which a still takes longer than the gap, would never leave this
        state again.
        """
        if self._before is None:
            return not self._live
        opening, before_s = self._before
        if frame.opening != opening or not frame.captured_at_s - before_s > _STILL_AFTER_S:
            return False
        return not self._live or now_s - self._ended_s >= self._took_s

    def _detected(self, bgr: BgrImage, known: Sequence[Track], *, is_sparse: bool) -> Sighting:
        if not is_sparse:
            return self._detector.detect(bgr, known)
        return Sighting(
            detections=tuple(self._detector.detect_still(bgr)),
            searched=frozenset(track.track_id for track in known),
            is_complete=True,
        )

    def _time_of(self, frame: Frame) -> float:
        """Return the stages' time of `frame`, after a reset if it does not follow the last frame.

        It advances with the frames' times. Where those do not grow, it advances by a small step.
        """
        before, self._before = self._before, (frame.opening, frame.captured_at_s)
        if before is None or frame.opening != before[0]:
            step_s = math.inf
        else:
            step_s = frame.captured_at_s - before[1]
        if not -_LONGEST_STEP_BACK_S <= step_s <= _LONGEST_GAP_S:
            self.reset()
            step_s = _STANDSTILL_S
        self._at_s += step_s if step_s > 0 else _STANDSTILL_S
        return self._at_s

    def _classify(self, bgr: BgrImage, tracks: Sequence[Track], at_s: float) -> None:
        for scores in self._classifier.classify(bgr, tracks):
            self._smoother.update(scores, at_s)
            changing = self._smoother.is_changing(scores.track_id)
            self._turns.note(scores.track_id, at_s, is_changing=changing)

    @contextmanager
    def _timed(self, stage: str, stage_ms: dict[str, float]) -> Iterator[None]:
        start_s = self._clock()
        yield
        stage_ms[stage] = (self._clock() - start_s) * 1000


def dominant_label(faces: Iterable[FaceState]) -> str | None:
    """Return the room's mood: the label with the largest confidence summed over the faces."""
    weights = defaultdict[str, float](float)
    for face in faces:
        if face.label is not None:
            weights[face.label] += face.confidence
    return max(weights, key=weights.__getitem__, default=None)
