"""Files in, one JSON-ready object per frame out: photographs one by one, videos with memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.camera.media import (
    IMAGE_SUFFIXES,
    iter_video,
    list_images,
    read_image,
    video_frame_count,
)
from edge.datatypes import BgrImage, Detection, FaceState, Track
from edge.errors import MediaError
from edge.pipeline import FaceClassifier, Pipeline
from edge.vision.detector import FaceDetector


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file to analyze, and how many frames it holds, None when it does not say."""

    path: Path
    is_video: bool
    frames: int | None


def plan(paths: Sequence[Path]) -> list[Job]:
    """Return the files behind `paths`, folders opened. Raises MediaError for what is not there."""
    return [job for path in paths for job in _jobs(path)]


def _jobs(path: Path) -> list[Job]:
    if path.is_dir():
        return [Job(path=image, is_video=False, frames=1) for image in list_images(path)]
    if not path.exists():
        raise MediaError(f"{path}: no such file or folder")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return [Job(path=path, is_video=False, frames=1)]
    return [Job(path=path, is_video=True, frames=video_frame_count(path))]


class Analyzer:
    """Reads the faces of stills and videos."""

    def __init__(
        self,
        detector: FaceDetector,
        classifier: FaceClassifier,
        new_pipeline: Callable[[], Pipeline],
    ) -> None:
        """`new_pipeline` makes the pipeline for one video."""
        self._detector = detector
        self._classifier = classifier
        self._new_pipeline = new_pipeline

    def results(self, job: Job) -> Iterator[dict[str, Any]]:
        """Yield {"path", "frame", "faces"} for each frame. Raises MediaError for a bad file."""
        if not job.is_video:
            faces = self.still(read_image(job.path))
            yield _result(job.path, 0, faces)
            return
        pipeline = self._new_pipeline()
        for frame in iter_video(job.path):
            yield _result(job.path, frame.seq, pipeline.step(frame).faces)

    def still(self, bgr: BgrImage) -> list[FaceState]:
        """Return the faces of one picture, the surest first, each with its likeliest label."""
        return [
            self._read(bgr, number, detection)
            for number, detection in enumerate(self._detector.detect_still(bgr), 1)
        ]

    def _read(self, bgr: BgrImage, number: int, detection: Detection) -> FaceState:
        track = Track(
            track_id=number,
            box=detection.box,
            keypoints=detection.keypoints,
            hits=1,
            missed=0,
        )
        probs = self._classifier.classify(bgr, track).probs
        best = int(probs.argmax())
        return FaceState(
            track_id=number,
            box=detection.box,
            label=self._classifier.labels[best],
            confidence=float(probs[best]),
            probs=dict(zip(self._classifier.labels, map(float, probs), strict=True)),
        )


def _result(path: Path, frame: int, faces: Sequence[FaceState]) -> dict[str, Any]:
    described = [face.to_dict() for face in faces]
    for face in described:
        del face["id"]
    return {"path": str(path), "frame": frame, "faces": described}
