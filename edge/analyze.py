"""Reads the faces in files: one JSON-ready object per frame. Videos are tracked, images are not."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.camera.folders import list_folder
from edge.camera.media import (
    Media,
    decode_image,
    open_media,
    video_frame_count,
    video_frames,
)
from edge.datatypes import BgrImage, Detection, FaceState, Frame, Track
from edge.errors import MediaError, printable
from edge.pipeline import FaceClassifier, Pipeline
from edge.vision.detector import FaceDetector

_SKIPPED_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file to analyze, and its number of frames, None when that is unknown."""

    path: Path
    frames: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The files to analyze, the errors of paths without any, and the skipped files."""

    jobs: tuple[Job, ...]
    errors: tuple[MediaError, ...]
    skipped: tuple[str, ...]
    """One line for each folder that holds other files than images."""

    @property
    def frames(self) -> int | None:
        """The number of all frames, None when it is unknown."""
        known = [job.frames for job in self.jobs if job.frames is not None]
        return sum(known) if len(known) == len(self.jobs) else None


def plan(paths: Sequence[str]) -> Plan:
    """Return the files that `paths` name, with the images of each folder. "" names no file."""
    jobs: list[Job] = []
    errors: list[MediaError] = []
    skipped: list[str] = []
    for name in paths:
        path = Path(name)
        try:
            if _is_missing(name):
                errors.append(MediaError(f"{name or repr(name)}: no such file or folder"))
            elif os.path.isdir(path):  # noqa: PTH112 (False for any name that cannot be one)
                listing = list_folder(path)
                jobs += [Job(path=image, frames=1) for image in listing.images]
                skipped += [_skipped(path, listing.skipped)] if listing.skipped else []
            else:
                jobs.append(Job(path=path, frames=_frames(path)))
        except MediaError as exc:
            errors.append(exc)
    return Plan(jobs=tuple(jobs), errors=tuple(errors), skipped=tuple(skipped))


def _is_missing(name: str) -> bool:
    """Whether there is nothing of this name; not where that cannot be known."""
    try:
        os.lstat(name)
    except OSError as exc:  # others are reported when it is opened
        return exc.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
    return False


def _frames(path: Path) -> int | None:
    """Return the number of frames that a file states; a pipe, readable only once, states none."""
    try:
        with open_media(path) as media:
            is_still = media.is_still
        return 1 if is_still else video_frame_count(path)
    except MediaError:
        return None  # reported when the file is analyzed


def _skipped(folder: Path, paths: Sequence[Path]) -> str:
    """Return for example "skipped 2 files in photos: notes.txt, clip.mp4"."""
    names = [str(path.relative_to(folder)) for path in paths[:_SKIPPED_NAMED]]
    more = ["..."] if len(paths) > _SKIPPED_NAMED else []
    files = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    return printable(f"skipped {files} in {folder}: {', '.join([*names, *more])}")


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

    def results(self, job: Job) -> Iterator[dict[str, Any]]:
        """Yield {"path", "frame", "size", "faces"} for each frame.

        The content of a file decides whether it is an image or a video. A video with a single frame
        counts as an image. Raises MediaError for any other file and for a damaged one.
        """
        with open_media(job.path, pipes=True) as media:
            if media.is_still:
                yield self._still_result(media, decode_image(media))
            else:
                yield from self._video_results(media)

    def _video_results(self, media: Media) -> Iterator[dict[str, Any]]:
        frames = video_frames(media)
        first = next(frames)
        second = next(frames, None)
        if second is None:
            yield self._still_result(media, first.bgr)
            return
        pipeline = self._new_pipeline()
        for frame in itertools.chain([first, second], frames):
            yield _result(media.path, frame, pipeline.step(frame).faces)

    def _still_result(self, media: Media, bgr: BgrImage) -> dict[str, Any]:
        frame = Frame(bgr=bgr, seq=0, captured_at_s=0.0)
        return _result(media.path, frame, self.still(bgr))

    def still(self, bgr: BgrImage) -> list[FaceState]:
        """Return the faces of one image, the highest score first, each with its likeliest label."""
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


def _result(path: Path, frame: Frame, faces: Sequence[FaceState]) -> dict[str, Any]:
    """Return the object of a frame, with each face's box clipped to the frame."""
    width, height = frame.size
    within = [replace(face, box=face.box.clip(width, height)) for face in faces]
    described = [face.to_dict() for face in within if face.box.area > 0]
    for face in described:
        del face["id"]
    # JSON is Unicode: bytes of a name that are not UTF-8 are written as \xff.
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    return {"path": name, "frame": frame.seq, "size": [width, height], "faces": described}
