"""Runs the pipeline over a clip, as fast as it goes, and measures it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import msgspec
import numpy as np
import simplejpeg

from edge.bench.clips import FPS, Clip
from edge.bench.stages import (
    STAGES,
    Stopwatch,
    TimedClassifier,
    TimedDetector,
    TimedObserver,
    TimedSmoother,
    TimedTracker,
)
from edge.config import Config
from edge.datatypes import Frame, Scene
from edge.models import Vision, load_vision, pipeline_parts
from edge.pipeline import Pipeline
from edge.web.overlay import annotate

_WARM_UP_FRAMES = 10
_PERCENTILES = {"median": 50, "p95": 95, "p99": 99}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One pass over a clip.

    `frames_per_s` is the rate of the vision loop alone, `core` its processor seconds for each
    second of video at 15 frames per second. `faces` is the mean number of faces shown.
    """

    frames_per_s: float
    core: float
    faces: float
    longest_wait_ms: float
    stages_ms: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Several passes over one clip.

    `of_one_face` are those over the clip with one face in the same rounds, `others_per_s` the rates
    of the program it is compared with.
    """

    clip: str
    threads: int
    rounds: tuple[Round, ...]
    of_one_face: tuple[Round, ...] = ()
    others_per_s: tuple[float, ...] = ()
    others_faces: float | None = None

    @property
    def ratios(self) -> list[float]:
        """How many times as many frames per second as the other program, pass by pass."""
        pairs = zip(self.rounds, self.others_per_s, strict=False)
        return [ours.frames_per_s / theirs for ours, theirs in pairs]

    @property
    def costs(self) -> list[float]:
        """How many times the processor time of one face, round by round."""
        pairs = zip(self.rounds, self.of_one_face, strict=False)
        return [ours.core / of_one.core for ours, of_one in pairs]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        found = {
            "clip": self.clip,
            "threads": self.threads,
            "frames_per_s": spread([r.frames_per_s for r in self.rounds]),
            "core": spread([r.core for r in self.rounds], digits=4),
            "faces_shown": round(float(np.mean([r.faces for r in self.rounds])), 2),
            "longest_wait_ms": round(max(r.longest_wait_ms for r in self.rounds)),
            "stages_ms": stage_table(self.rounds),
        }
        if self.of_one_face:
            found["cost"] = spread(self.costs)
        if self.others_per_s:
            found["other_frames_per_s"] = spread(self.others_per_s)
            found["other_faces_found"] = self.others_faces
            found["ratio"] = spread(self.ratios)
        return found


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Return the median, the least and the greatest of several passes."""
    return {
        "median": round(float(np.median(values)), digits),
        "least": round(min(values), digits),
        "greatest": round(max(values), digits),
    }


def stage_table(rounds: Sequence[Round]) -> dict[str, dict[str, float]]:
    """Return median, p95 and p99 of each stage's time in a frame, in ms, over all passes."""
    table = {}
    for stage in STAGES:
        values = np.concatenate([r.stages_ms[stage] for r in rounds])
        found = np.percentile(values, list(_PERCENTILES.values()))
        table[stage] = dict(zip(_PERCENTILES, (round(float(v), 3) for v in found), strict=True))
    return table


def with_threads(config: Config, threads: int) -> Config:
    """Return the settings with this number of threads for the expression model."""
    classifier = msgspec.structs.replace(config.classifier, threads=threads)
    return msgspec.structs.replace(config, classifier=classifier)


@contextmanager
def limited_to(threads: int) -> Iterator[None]:
    """Use so many threads in OpenCV, and so many cores, in this process and those it starts."""
    cores, cv_threads = os.sched_getaffinity(0), cv2.getNumThreads()
    os.sched_setaffinity(0, sorted(cores)[:threads])
    cv2.setNumThreads(threads)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        cv2.setNumThreads(cv_threads)


class Bench:
    """The loaded networks, for passes over clips with one number of threads."""

    def __init__(self, config: Config, threads: int) -> None:
        """Load the networks. Raises ModelError, PackageMissing."""
        self._config = with_threads(config, threads)
        self._vision: Vision = load_vision(self._config)

    def warm_up(self, clip: Clip) -> None:
        """Run a few frames that are not measured."""
        self._pass(clip, clip.frames[:_WARM_UP_FRAMES])

    def run(self, clip: Clip) -> Round:
        """Run one pass over `clip`, with new tracks."""
        return self._pass(clip, clip.frames)

    def _pass(self, clip: Clip, frames: Sequence[Any]) -> Round:
        watch = Stopwatch()
        pipeline = self._timed_pipeline(watch)
        wall_s = core_s = 0.0
        faces = 0
        for seq, bgr in enumerate(frames):
            frame = Frame(bgr=bgr, seq=seq, captured_at_s=seq / FPS)
            start_s, core_start_s = time.perf_counter(), time.process_time()
            snapshot = pipeline.step(frame)
            wall_s += time.perf_counter() - start_s
            core_s += time.process_time() - core_start_s
            faces += len(snapshot.faces)
            self._show(Scene(frame=frame, snapshot=snapshot), watch)
            watch.next_frame()
        stages = {stage: [times[stage] for times in watch.frames] for stage in STAGES}
        return Round(
            frames_per_s=len(frames) / wall_s,
            core=core_s / (len(frames) / FPS),
            faces=faces / len(frames),
            longest_wait_ms=watch.longest_wait_s * 1000,
            stages_ms=stages | {"capture": list(clip.capture_ms)},
        )

    def _timed_pipeline(self, watch: Stopwatch) -> Pipeline:
        config, vision = self._config, self._vision
        parts = pipeline_parts(config)
        return Pipeline(
            TimedDetector(vision.new_detector(due=parts.motion), watch),
            TimedTracker(config.tracker, watch),
            TimedClassifier(vision.classifier, watch),
            TimedSmoother(config.smoother, vision.classifier.labels, watch),
            turns=parts.turns,
            observer=TimedObserver(parts.motion, watch),
        )

    def _show(self, scene: Scene, watch: Stopwatch) -> None:
        with watch.on("draw"):
            drawn = annotate(scene)
        with watch.on("encode"):
            quality = self._config.stream.quality
            simplejpeg.encode_jpeg(drawn, quality, colorspace="BGR", colorsubsampling="420")
