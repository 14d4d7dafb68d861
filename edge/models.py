"""From the settings to loaded networks: the detector and the expression model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Protocol

from edge.config import Config, DetectorConfig
from edge.errors import ModelError
from edge.files import expanded
from edge.pipeline import Pipeline
from edge.system.thread_count import inference_threads
from edge.vision.blazeface import BlazeFace, find_network
from edge.vision.classification_turns import ClassificationTurns
from edge.vision.classifier import EmotionClassifier
from edge.vision.detector import FaceDetector, RoomDetector, ViewFilter, frames_per_round
from edge.vision.face_verifier import LandmarkFaceVerifier
from edge.vision.haar import HaarDetector
from edge.vision.ignored_regions import IgnoredRegions, IgnoringDetector, IgnoringViews
from edge.vision.manifest import load_model, read_manifest
from edge.vision.motion import MotionFilter
from edge.vision.smoother import Smoother
from edge.vision.tracker import Tracker

MODEL_NAME = "emotion_densenet121_int8.tflite"

_MODEL_FOLDERS = (
    Path(str(resources.files("edge"))) / "shipped_models",  # an installed wheel; see setup.py
    Path(__file__).resolve().parent.parent / "models",  # a checkout
)


class NewDetector(Protocol):
    """Returns a new detector. A detector keeps state of its video, so each video needs its own."""

    def __call__(self, *, due: ViewFilter | None = None) -> FaceDetector:
        """Return a detector that leaves out the runs that are not `due`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Vision:
    """The loaded networks."""

    new_detector: NewDetector
    classifier: EmotionClassifier

    @property
    def detector(self) -> FaceDetector:
        """A new detector, for still images."""
        return self.new_detector()

    def pipeline(self, config: Config, *, live: bool = True) -> Pipeline:
        """Return a new pipeline, for one video. `live` is whether frames pass while it works."""
        parts = pipeline_parts(config)
        return Pipeline(
            self.new_detector(due=parts.motion),
            Tracker(config.tracker),
            self.classifier,
            Smoother(config.smoother, self.classifier.labels),
            turns=parts.turns,
            observer=parts.motion,
            live=live,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineParts:
    """What decides which work is left out; each pipeline has its own."""

    motion: MotionFilter
    turns: ClassificationTurns


def pipeline_parts(config: Config) -> PipelineParts:
    """Return new parts for one pipeline."""
    return PipelineParts(
        motion=MotionFilter(search_again_s(config)),
        turns=ClassificationTurns(
            rate_hz=config.classifier.rate_hz, max_per_frame=config.classifier.max_per_frame
        ),
    )


def search_again_s(config: Config) -> float:
    """Return how often a view is searched where nothing moves; 0 to search without exception.

    A frame whose faces are pixelated is held back for a round of detection, which must be a whole
    one: see edge/web/privacy.py.
    """
    return 0.0 if config.stream.privacy == "pixelate" else config.detector.search_again_s


def load_vision(config: Config, regions: IgnoredRegions | None = None) -> Vision:
    """Load the networks that the settings name. Raises ModelError, PackageMissing.

    Faces of a video are ignored in `regions`, which may change while it runs.
    """
    classifier = load_classifier(config)
    return Vision(new_detector=load_detectors(config.detector, regions), classifier=classifier)


def load_classifier(config: Config) -> EmotionClassifier:
    """Load the expression model. Raises ModelError, PackageMissing."""
    threads = config.classifier.threads or inference_threads()
    is_own = config.classifier.model != "auto"  # the shipped one is known to run
    network, manifest = load_model(model_path(config), threads=threads, on_trial=is_own)
    return EmotionClassifier(network, manifest)


def load_labels(config: Config) -> tuple[str, ...]:
    """Return the labels of the expression model, in its order. Raises ModelError."""
    return tuple(read_manifest(model_path(config).with_suffix(".json")).labels)


def round_of(config: DetectorConfig, size: tuple[int, int]) -> int:
    """Return in how many frames of (width, height) `size` the detector covers every view."""
    return 1 if config.kind == "haar" else frames_per_round(size, config.runs_per_frame)


def model_path(config: Config) -> Path:
    """Return the configured model, or the one shipped. Raises ModelError when there is none."""
    if config.classifier.model != "auto":
        return expanded(config.classifier.model)
    candidates = [folder / MODEL_NAME for folder in _MODEL_FOLDERS]
    for path in candidates:
        if path.is_file():
            return path
    looked_in = " and ".join(str(path.parent) for path in candidates)
    raise ModelError(f"{MODEL_NAME} is missing; looked in {looked_in}; set [classifier] model")


def load_detector(config: DetectorConfig) -> FaceDetector:
    """Load the face detector. Raises ModelError, PackageMissing."""
    return load_detectors(config)()


def load_detectors(config: DetectorConfig, regions: IgnoredRegions | None = None) -> NewDetector:
    """Load the detector's networks; return a function that makes detectors sharing them.

    Raises ModelError, PackageMissing.
    """
    regions = regions or IgnoredRegions()
    if config.kind == "haar":
        haar = IgnoringDetector(HaarDetector(min_score=config.min_score), regions)
        return lambda *, due=None: haar  # noqa: ARG005 (without state; it searches every frame)
    faces = BlazeFace(find_network("face_detection_short_range.tflite"), min_score=config.min_score)
    verifier = LandmarkFaceVerifier(find_network("face_landmark.tflite"))
    views = IgnoringViews(faces, regions)

    def make(*, due: ViewFilter | None = None) -> FaceDetector:
        room = RoomDetector(views, verifier, runs_per_frame=config.runs_per_frame, due=due)
        return IgnoringDetector(room, regions)

    return make
