"""Tracks faces across frames, and predicts their positions between detections.

An alpha-beta filter per face (R. Brookner, "Tracking and Kalman Filtering Made Easy", 1998,
chapter 1) on centre and size; greedy assignment, nearest pair first. No I/O, no clock: times come
with the frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.config import TrackerConfig
from edge.datatypes import BBox, Detection, FloatArray, Sighting, Track
from edge.vision.nms import is_same_face

# Share of a residual that corrects the position, and that corrects the velocity.
_ALPHA, _BETA = 0.7, 0.15
# The velocity of a face without a detection decays: a face stops more often than it leaves.
_VELOCITY_DECAY_S = 0.4
# A detection this many box sides away may be the same face, further the longer it was unseen.
_REACH, _REACH_PER_S = 0.5, 0.8
_SIZE_RATIO = 2.0
# Seconds after which a face is dropped even if no run searched for it: with many faces in a slow
# video each face waits for its turn.
_LONGEST_WAIT_S = 5.0
# Two detections closer in time than the frames of the fastest camera give no velocity.
_SHORTEST_STEP_S = 1 / 120
# Misses after which a face is no longer shown. Its id is kept for max_lost_s.
_HIDDEN_AFTER = 4


@dataclass(slots=True)
class _Face:
    """A track's inner state: `state` is (centre x, centre y, side), `velocity` the same per s."""

    track_id: int
    state: npt.NDArray[np.float64]
    velocity: npt.NDArray[np.float64]
    relative_points: FloatArray | None
    at_s: float
    seen_s: float
    hits: int = 1
    missed: int = 0

    def advance(self, at_s: float) -> None:
        if at_s == self.at_s:
            return
        kept = math.exp(-(at_s - self.at_s) / _VELOCITY_DECAY_S)
        # The distance while the velocity decays exponentially.
        self.state = self.state + self.velocity * _VELOCITY_DECAY_S * (1 - kept)
        self.velocity = self.velocity * kept
        self.at_s = at_s

    def correct(self, detection: Detection) -> None:
        state = _state(detection.box)
        residual = state - self.state
        self.state = self.state + _ALPHA * residual
        dt = max(self.at_s - self.seen_s, _SHORTEST_STEP_S)
        self.velocity = self.velocity + _BETA * residual / dt
        self.relative_points = _relative(detection)
        self.seen_s = self.at_s
        self.hits += 1
        self.missed = 0

    @property
    def box(self) -> BBox:
        x, y, side = self.state.tolist()
        return BBox(x - side / 2, y - side / 2, x + side / 2, y + side / 2)

    def as_track(self) -> Track:
        points = self.relative_points
        return Track(
            track_id=self.track_id,
            box=self.box,
            keypoints=None if points is None else _absolute(points, self.state),
            hits=self.hits,
            missed=self.missed,
        )


class Tracker:
    """Gives each face an id that survives brief occlusion.

    When the time goes back, every face is forgotten. An id is never reused.
    """

    def __init__(self, config: TrackerConfig) -> None:
        self._config = config
        self._faces: list[_Face] = []
        self._next_id = 1
        self._at_s = -math.inf

    def reset(self) -> None:
        """Forget every face."""
        self._faces = []
        self._at_s = -math.inf

    @property
    def boxes(self) -> dict[int, BBox]:
        """The box of every track, shown or not, at the time of the last step."""
        return {face.track_id: face.box for face in self._faces}

    def predict(self, at_s: float) -> tuple[Track, ...]:
        """Return every track, shown or not, with its predicted position at `at_s`."""
        self._advance(at_s)
        return tuple(face.as_track() for face in self._faces)

    def update(self, sighting: Sighting, at_s: float) -> tuple[Track, ...]:
        """Add the sighting at `at_s` and return the tracks to show.

        After a complete one these are the faces of this frame, however often they were seen before.
        """
        self._advance(at_s)
        fresh = self._match(sighting.detections)
        for face in self._faces:
            if face.seen_s < at_s and face.track_id in sighting.searched:
                face.missed += 1
        self._faces += [self._born(detection, at_s) for detection in fresh]
        if sighting.is_complete:
            self._decide(at_s)
        self._faces = self._one_per_face()
        return tuple(face.as_track() for face in self._faces if self._is_shown(face))

    def _advance(self, at_s: float) -> None:
        if at_s < self._at_s:
            self.reset()
        self._at_s = at_s
        self._faces = [face for face in self._faces if not self._is_lost(face)]
        for face in self._faces:
            face.advance(at_s)

    def _decide(self, at_s: float) -> None:
        """Show every face that was seen at `at_s`, and hide the others."""
        for face in self._faces:
            if face.seen_s == at_s:
                face.hits = max(face.hits, self._config.min_hits)
            else:
                face.missed = max(face.missed, _HIDDEN_AFTER)

    def _match(self, detections: tuple[Detection, ...]) -> list[Detection]:
        """Correct each face by its nearest detection; return the detections of new faces."""
        pairs = sorted(
            (distance, face.track_id, index)
            for face in self._faces
            for index, detection in enumerate(detections)
            if (distance := _distance(face, detection)) <= 1
        )
        faces = {face.track_id: face for face in self._faces}
        free = dict(enumerate(detections))
        for _, track_id, index in pairs:
            if track_id in faces and index in free:
                faces.pop(track_id).correct(free.pop(index))
        return list(free.values())

    def _born(self, detection: Detection, at_s: float) -> _Face:
        face = _Face(
            track_id=self._next_id,
            state=_state(detection.box),
            velocity=np.zeros(3),
            relative_points=_relative(detection),
            at_s=at_s,
            seen_s=at_s,
        )
        self._next_id += 1
        return face

    def _is_lost(self, face: _Face) -> bool:
        """Whether a face had no detection for too long, whether it was searched for or not."""
        longest_s = self._config.max_lost_s
        if not face.missed:
            longest_s = max(longest_s, _LONGEST_WAIT_S)
        return self._at_s - face.seen_s > longest_s

    def _one_per_face(self) -> list[_Face]:
        """Return the faces that are not lost, and only the older of two tracks of one face."""
        kept: list[_Face] = []
        boxes: list[BBox] = []
        for face in self._faces:
            box = face.box
            if not (self._is_lost(face) or any(is_same_face(other, box) for other in boxes)):
                kept.append(face)
                boxes.append(box)
        return kept

    def _is_shown(self, face: _Face) -> bool:
        return face.hits >= self._config.min_hits and face.missed < _HIDDEN_AFTER


def _state(box: BBox) -> npt.NDArray[np.float64]:
    return np.array(_square(box))


def _square(box: BBox) -> tuple[float, float, float]:
    """Return the centre x and y and the longer side."""
    return *box.center, max(box.width, box.height)


def _distance(face: _Face, detection: Detection) -> float:
    """Return the distance of a detection: up to 1 it may be the same face."""
    x, y, side = _square(detection.box)
    face_x, face_y, face_side = map(float, face.state)
    ratio = max(side, 1e-6) / max(face_side, 1e-6)
    if not 1 / _SIZE_RATIO <= ratio <= _SIZE_RATIO:
        return math.inf
    reach = face_side * (_REACH + _REACH_PER_S * (face.at_s - face.seen_s))
    return math.hypot(x - face_x, y - face_y) / reach


def _relative(detection: Detection) -> FloatArray | None:
    """Keypoints in shares of the box's side from its centre."""
    if detection.keypoints is None:
        return None
    x, y, side = _square(detection.box)
    return np.asarray((detection.keypoints - (x, y)) / side, np.float32)


def _absolute(points: FloatArray, state: npt.NDArray[np.float64]) -> FloatArray:
    return np.asarray(points * state[2] + state[:2], np.float32)
