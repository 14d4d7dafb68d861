"""The stages of the pipeline with a stopwatch on each, for measurements."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from edge.config import SmootherConfig, TrackerConfig
from edge.datatypes import BgrImage, EmotionScores, FaceState, Sighting, Track
from edge.pipeline import FrameObserver
from edge.vision.classifier import EmotionClassifier, scores_of
from edge.vision.detector import FaceDetector
from edge.vision.smoother import Smoother
from edge.vision.tracker import Tracker

STAGES = ("capture", "detect", "align", "classify", "track", "smooth", "draw", "encode")


class Stopwatch:
    """Adds up the time of each stage in a frame, and keeps the sums of all frames, in ms."""

    def __init__(self) -> None:
        self.frames: list[dict[str, float]] = []
        self.longest_wait_s = 0.0
        self._at_s = 0.0
        self._first_s: dict[int, float] = {}
        self._now = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        """Add the time that the context takes to `stage`."""
        start_s = time.perf_counter()
        yield
        self._now[stage] += (time.perf_counter() - start_s) * 1000

    def begin(self, at_s: float) -> None:
        """Set the time of the frame."""
        self._at_s = at_s

    def note_shown(self, track_id: int, classified_s: float) -> None:
        """Note a face that is shown, and when it was classified last, minus infinity if never."""
        first_s = self._first_s.setdefault(track_id, self._at_s)
        wait_s = self._at_s - max(classified_s, first_s)
        self.longest_wait_s = max(self.longest_wait_s, wait_s)

    def next_frame(self) -> None:
        """Keep the sums of this frame and begin the next one."""
        self.frames.append(self._now)
        self._now = dict.fromkeys(STAGES, 0.0)


class TimedDetector:
    """A FaceDetector under the stopwatch."""

    def __init__(self, detector: FaceDetector, watch: Stopwatch) -> None:
        self._detector = detector
        self._watch = watch
        self.reset = detector.reset
        self.detect_still = detector.detect_still

    def detect(self, bgr: BgrImage, tracks: Sequence[Track]) -> Sighting:
        """Detect faces. See FaceDetector."""
        with self._watch.on("detect"):
            return self._detector.detect(bgr, tracks)


class TimedObserver:
    """A FrameObserver under the stopwatch, as a part of the detection."""

    def __init__(self, observer: FrameObserver, watch: Stopwatch) -> None:
        self._observer = observer
        self._watch = watch
        self.share, self.again_s = observer.share, observer.again_s

    def observe(self, bgr: BgrImage, tracks: Sequence[Track], at_s: float) -> None:
        """Take the next frame. See FrameObserver."""
        with self._watch.on("detect"):
            self._observer.observe(bgr, tracks, at_s)


class TimedTracker(Tracker):
    """A Tracker under the stopwatch."""

    def __init__(self, config: TrackerConfig, watch: Stopwatch) -> None:
        super().__init__(config)
        self._watch = watch

    def update(self, sighting: Sighting, at_s: float) -> tuple[Track, ...]:
        """Add a sighting. See Tracker."""
        self._watch.begin(at_s)
        with self._watch.on("track"):
            return super().update(sighting, at_s)


class TimedClassifier:
    """A FaceClassifier under the stopwatch, in two stages."""

    def __init__(self, classifier: EmotionClassifier, watch: Stopwatch) -> None:
        self._classifier = classifier
        self._watch = watch
        self.labels = classifier.labels

    def classify(self, bgr: BgrImage, tracks: Sequence[Track]) -> list[EmotionScores]:
        """Classify faces. See FaceClassifier."""
        with self._watch.on("align"):
            faces = [self._classifier.aligned(bgr, track) for track in tracks]
        with self._watch.on("classify"):
            return scores_of(tracks, self._classifier.probabilities(faces))


class TimedSmoother(Smoother):
    """A Smoother under the stopwatch."""

    def __init__(self, config: SmootherConfig, labels: Sequence[str], watch: Stopwatch) -> None:
        super().__init__(config, labels)
        self._watch = watch

    def update(self, scores: EmotionScores, at_s: float) -> None:
        """Add probabilities. See Smoother."""
        with self._watch.on("smooth"):
            super().update(scores, at_s)

    def state(self, track: Track) -> FaceState:
        """Return the state to show. See Smoother."""
        self._watch.note_shown(track.track_id, self.updated_s(track.track_id))
        with self._watch.on("smooth"):
            return super().state(track)
