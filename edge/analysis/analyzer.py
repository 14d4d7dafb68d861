"""Reads the faces in one file after another. Videos are tracked, images are not."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.camera.media import Media, decode_image, open_media, video_frames
from edge.datatypes import BgrImage, EmotionScores, FaceState, Frame, Track
from edge.pipeline import FaceClassifier, Pipeline
from edge.vision.detector import FaceDetector


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """The faces in one frame of a file; their boxes lie within the frame."""

    path: Path
    frame: Frame
    faces: tuple[FaceState, ...]
    is_video: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the reading as JSON-ready values; an image has neither a time nor face ids."""
        faces = [face.to_dict() for face in self.faces]
        if not self.is_video:
            faces = [{**face, "id": None} for face in faces]
        return {
            # JSON is Unicode: bytes of a name that are not UTF-8 are written as \xff.
            "path": os.fsencode(self.path).decode("utf-8", "backslashreplace"),
            "frame": self.frame.seq,
            "time_s": round(self.frame.captured_at_s, 3) if self.is_video else None,
            "size": list(self.frame.size),
            "faces": faces,
        }


class Analyzer:
    """Reads the faces in still images and videos."""

    def __init__(
        self,
        detector: FaceDetector,
        classifier: FaceClassifier,
        new_pipeline: Callable[[], Pipeline],
    ) -> None:
        """`detector` is for still images, `new_pipeline` returns a pipeline for one video."""
        self._detector = detector
        self._classifier = classifier
        self._new_pipeline = new_pipeline

    def read(self, path: Path, *, every: int = 1) -> Iterator[Reading]:
        """Yield a reading of each image, and of each `every`-th frame of a video.

        The content of a file decides whether it is an image or a video. A video with a single frame
        counts as an image. Raises MediaError for any other file and for a damaged one.
        """
        with open_media(path, pipes=True) as media:
            if media.is_still:
                yield self._image(media, decode_image(media))
            else:
                yield from self._video(media, every)

    def _video(self, media: Media, every: int) -> Iterator[Reading]:
        frames = video_frames(media)
        first = next(frames)
        second = next(frames, None)
        if second is None:
            yield self._image(media, first.bgr)
            return
        pipeline = self._new_pipeline()
        for frame in itertools.chain([first, second], frames):
            if frame.seq % every == 0:
                yield _reading(media.path, frame, pipeline.step(frame).faces, is_video=True)

    def _image(self, media: Media, bgr: BgrImage) -> Reading:
        frame = Frame(bgr=bgr, seq=0, captured_at_s=0.0)
        return _reading(media.path, frame, self.still(bgr), is_video=False)

    def still(self, bgr: BgrImage) -> list[FaceState]:
        """Return the faces of one image, the highest score first, each with its likeliest label."""
        tracks = [
            Track(track_id=number, box=face.box, keypoints=face.keypoints, hits=1, missed=0)
            for number, face in enumerate(self._detector.detect_still(bgr), 1)
        ]
        all_scores = self._classifier.classify(bgr, tracks)
        return [self._state(*one) for one in zip(tracks, all_scores, strict=True)]

    def _state(self, track: Track, scores: EmotionScores) -> FaceState:
        best = int(scores.probs.argmax())
        return FaceState(
            track_id=track.track_id,
            box=track.box,
            label=self._classifier.labels[best],
            confidence=float(scores.probs[best]),
            probs=dict(zip(self._classifier.labels, scores.probs.tolist(), strict=True)),
        )


def _reading(path: Path, frame: Frame, faces: Sequence[FaceState], *, is_video: bool) -> Reading:
    width, height = frame.size
    within = [replace(face, box=face.box.clip(width, height)) for face in faces]
    seen = tuple(face for face in within if face.box.area > 0)
    return Reading(path=path, frame=frame, faces=seen, is_video=is_video)
