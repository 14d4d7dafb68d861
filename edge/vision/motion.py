"""Tells which parts of a frame changed, so that only those are searched. No I/O, no clock.

Each frame is reduced to a small gray one. A part of it is compared with the small frame of the last
run on that part, so that slow changes add up until they count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.datatypes import BBox, BgrImage, FloatArray, Track

# Rows of the small frame, or columns of a portrait one. The smallest face that a video's view
# detects is 4.6 cells wide.
_CELLS = 60
# Gray levels by which a cell must differ, 0..255. The noise of a camera, sd 8 in a pixel, averages
# to 1 in a cell of 8x8 pixels.
_CHANGED = 8.0
# So many changed cells are a change. A face that appears changes 15 and more.
_FEW_CELLS = 3
# Where something moved, a view or a track stays due for so long: the first run may miss a blurred
# face, and a box takes a few runs to settle.
_LINGER_S = 0.6
# A track that was found this often is steady. Others are followed in every turn.
_STEADY_HITS = 5
# A track is followed this often even where nothing moves, so that it is missed soon after it left.
_FOLLOW_AGAIN_S = 0.25
# The motion of a tracked person is no reason to search for others: the head around the face's box,
# and the body, in box sides to each side of the face's middle and below it.
_HEAD_SCALE = 1.8
_BODY_ASIDE, _BODY_BELOW = 1.5, 5.0


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """A small frame, which of its cells show a tracked person, and its time."""

    gray: FloatArray
    persons: npt.NDArray[np.bool_]
    at_s: float


class MotionFilter:
    """Decides which views of a frame are worth a run of the detector. See ViewFilter.

    A view is due when something moved in it since the last run on it, other than the faces that are
    tracked, and at the latest `again_s` after that run. At a `share` below 1 nothing is due in the
    other frames.
    """

    def __init__(self, again_s: float) -> None:
        """`again_s` is 0 to run on every view in its turn, whatever the share."""
        self.again_s = again_s
        """May be replaced while it runs, from any thread; counts from the next frame on."""
        self.share = 1.0
        self._credit = 0.0
        self._has_turn = True
        self.reset()

    def reset(self) -> None:
        """Forget every frame: each view is due."""
        self._now: _Look | None = None
        self._scale = 1.0
        self._views: dict[BBox, _Look] = {}
        self._moved_s: dict[BBox | int, float] = {}
        self._faces: dict[int, _Look] = {}

    def observe(self, bgr: BgrImage, tracks: Sequence[Track], at_s: float) -> None:
        """Take the next frame and the tracks predicted in it, before the detector runs on it."""
        if self.again_s == 0:
            self.reset()
            return
        credit = self._credit + self.share
        self._has_turn = credit >= 1
        self._credit = credit - self._has_turn
        gray, self._scale = _small(bgr)
        if self._now is not None and self._now.gray.shape != gray.shape:
            self.reset()
        persons = np.zeros(gray.shape, np.bool_)
        for track in tracks:
            for box in _person(track.box):
                persons[_cells(box, self._scale, gray.shape)] = True
        self._now = _Look(gray, persons, at_s)
        known = {track.track_id for track in tracks}
        self._faces = {i: look for i, look in self._faces.items() if i in known}
        self._moved_s = {
            part: at_s
            for part, at_s in self._moved_s.items()
            if isinstance(part, BBox) or part in known
        }

    def is_due(self, view: BBox) -> bool:
        """Whether to search `view` in this frame; if so, it counts as searched."""
        if self._now is None:
            return True
        if not self._has_turn:
            return False
        last = self._views.get(view)
        is_fresh = last is not None and not self._is_old(last, self.again_s)
        if last and is_fresh:
            has_changed = self._has_changed(last, view, without_persons=True)
            if not self._moves(view, has_changed):
                return False
        self._views[view] = self._now
        return True

    def is_face_due(self, track: Track) -> bool:
        """Whether to follow `track` in this frame; if so, it counts as followed."""
        if self._now is None:
            return True
        if not self._has_turn:
            return False
        last = self._faces.get(track.track_id)
        is_steady = track.hits >= _STEADY_HITS and track.missed == 0
        is_fresh = last is not None and not self._is_old(last, _FOLLOW_AGAIN_S)
        if last and is_steady and is_fresh:
            has_changed = self._has_changed(last, track.box)
            if not self._moves(track.track_id, has_changed):
                return False
        self._faces[track.track_id] = self._now
        return True

    def _moves(self, part: BBox | int, has_changed: bool) -> bool:
        """Whether a view, or the track of this number, changed now or a moment ago."""
        now_s = self._now.at_s if self._now else 0.0
        if has_changed:
            self._moved_s[part] = now_s
        return 0 <= now_s - self._moved_s.get(part, -math.inf) < _LINGER_S

    def _is_old(self, last: _Look, limit_s: float) -> bool:
        return self._now is None or not 0 <= self._now.at_s - last.at_s < limit_s

    def _has_changed(self, last: _Look, part: BBox, *, without_persons: bool = False) -> bool:
        """Whether enough cells of `part`, in frame pixels, differ from those of `last`."""
        now = self._now
        if now is None or now is last:
            return now is None
        cells = _cells(part, self._scale, now.gray.shape)
        changed = cv2.absdiff(now.gray[cells], last.gray[cells]) > _CHANGED
        if without_persons:
            changed &= ~(now.persons[cells] | last.persons[cells])
        return int(np.count_nonzero(changed)) >= _FEW_CELLS


def _person(face: BBox) -> tuple[BBox, BBox]:
    """Return the boxes of the head and of the body of the person whose face this is."""
    (cx, cy), side = face.center, max(face.width, face.height)
    body = BBox(cx - _BODY_ASIDE * side, cy, cx + _BODY_ASIDE * side, cy + _BODY_BELOW * side)
    return face.expand(_HEAD_SCALE), body


def _small(bgr: BgrImage) -> tuple[FloatArray, float]:
    """Return the small gray frame without its mean, and its cells per pixel of the frame.

    Without the mean, since a camera that adapts its exposure changes all cells alike.
    """
    height, width = bgr.shape[:2]
    scale = min(_CELLS / min(width, height), 1.0)
    while bgr.shape[0] >= 2 * _CELLS and bgr.shape[1] >= 2 * _CELLS and _halves(bgr):
        bgr = np.asarray(
            cv2.resize(bgr, (bgr.shape[1] // 2, bgr.shape[0] // 2), interpolation=cv2.INTER_AREA)
        )
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    gray = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    if size != (gray.shape[1], gray.shape[0]):
        gray = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA))
    return np.asarray(gray - np.float32(cv2.mean(gray)[0]), np.float32), scale


def _halves(bgr: BgrImage) -> bool:
    """Whether both sides are even: OpenCV averages whole pixels much faster."""
    height, width = bgr.shape[:2]
    return bool(height % 2 == 0 and width % 2 == 0)


def _cells(box: BBox, scale: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that `box` touches, at least one of each, of the small frame."""
    height, width = shape[:2]
    left = min(max(math.floor(box.x1 * scale), 0), width - 1)
    top = min(max(math.floor(box.y1 * scale), 0), height - 1)
    right = min(max(math.ceil(box.x2 * scale), left + 1), width)
    bottom = min(max(math.ceil(box.y2 * scale), top + 1), height)
    return slice(top, bottom), slice(left, right)
