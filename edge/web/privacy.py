"""What of a scene may leave the device: all of it, no recognizable face, or no picture at all.

A face is found some frames after it comes into view: the detector looks at the room part by part.
So that nobody is shown before being found, pixelated pictures are held back until a round of looks
is over, and every face found by then is hidden in them. What no look finds is not hidden.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import cv2
import numpy as np
import simplejpeg

from edge.datatypes import BBox, BgrImage, Scene, Snapshot
from edge.palette import Rgb
from edge.web.overlay import annotate, draw_faces
from edge.web.placeholder import MAX_AGE_S

Mode = Literal["off", "pixelate", "boxes-only"]

MOST_HELD_BYTES = 32 * 1024 * 1024
"""All pictures that wait, together; as frames a round of them takes from 16 MB (640x480) to 650."""

# Tried in turn until a waiting picture is small enough; one of ordinary size and rooms always is.
_HELD_QUALITIES = (85, 60, 35)
_SMALLEST_HELD_PX = 16
# A face's box goes from the brows to the chin; this many times as large it holds the head.
_HEAD = 1.6
# And by this much more for each second between the picture and the look that found the face.
_MOVES_PER_S = 1.0
_BLOCKS = 8  # across a hidden head
_NEUTRAL: Rgb = (38, 44, 52)


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """A picture that may be shown: what was seen in it, and `draw`, which returns it.

    The picture is uint8 (H, W, 3), of the frame's size.
    """

    snapshot: Snapshot
    draw: Callable[[], BgrImage]


class View(Protocol):
    """Turns scenes into pictures that may be seen."""

    def expose(self, newest: Scene) -> Exposure | None:
        """Take in the newest scene and return what may be shown now; None: nothing yet.

        As long as that stays the same, the same object is returned.
        """
        ...

    def forget(self) -> None:
        """Drop every picture."""
        ...


Round = Callable[[tuple[int, int]], int]
"""From a frame's (width, height) to the number of frames in which all of it has been looked at."""


def view_for(mode: Mode, frames_per_round: Round) -> View:
    """Return the view that a setting of [stream] privacy stands for."""
    if mode == "pixelate":
        return PixelatedView(frames_per_round)
    return BoxesView() if mode == "boxes-only" else PlainView()


class PlainView:
    """Everything, at once."""

    def __init__(self) -> None:
        self._shown: Exposure | None = None

    def expose(self, newest: Scene) -> Exposure:
        """Return the newest scene, with boxes and labels. See View."""
        shown = self._shown
        if shown is None or shown.snapshot is not newest.snapshot:
            self._shown = shown = Exposure(newest.snapshot, partial(self._drawn, newest))
        return shown

    def forget(self) -> None:
        """Drop the scene exposed last. See View."""
        self._shown = None

    def _drawn(self, scene: Scene) -> BgrImage:
        return annotate(scene)


class BoxesView(PlainView):
    """Boxes and labels, and nothing of what the camera sees."""

    def _drawn(self, scene: Scene) -> BgrImage:
        ground = np.full_like(scene.frame.bgr, _NEUTRAL[::-1])
        return draw_faces(ground, scene.snapshot.faces)


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """A scene that waits for the looks after it, its frame as a JPEG."""

    snapshot: Snapshot
    opening: int
    size: tuple[int, int]
    jpeg: bytes


class PixelatedView:
    """Pictures a round of looks late, with everybody in them reduced to a few blocks.

    What waits takes at most MOST_HELD_BYTES, whatever the camera's size.
    """

    def __init__(self, frames_per_round: Round) -> None:
        self._frames_per_round = frames_per_round
        self._lock = threading.Lock()
        self._held: deque[_Held] = deque()
        self._shown: Exposure | None = None

    @property
    def held_bytes(self) -> int:
        """How much the waiting pictures take."""
        with self._lock:
            return sum(len(held.jpeg) for held in self._held)

    def expose(self, newest: Scene) -> Exposure | None:
        """Return the newest scene that a whole round of looks has followed. See View."""
        with self._lock:
            if self._held and _is_break(self._held[-1], newest):
                self._drop()
            # The same scene comes again while no newer one arrives.
            if not self._held or _lag_s(self._held[-1].snapshot, newest.snapshot) > 0:
                self._held.append(self._hold(newest))
            due = None
            while self._is_followed():
                due = self._held.popleft()
            if due is not None:
                heads = _heads(due.snapshot, [held.snapshot for held in self._held])
                self._shown = Exposure(due.snapshot, partial(_pixelated, due, heads))
            return self._shown

    def forget(self) -> None:
        """Drop the pictures that wait, and the one exposed last. See View."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        self._held.clear()
        self._shown = None

    def _hold(self, scene: Scene) -> _Held:
        frame = scene.frame
        # One more waits while the oldest is taken out, and that one is shown for a while.
        most_bytes = MOST_HELD_BYTES // (self._frames_per_round(frame.size) + 2)
        jpeg = _packed(frame.bgr, most_bytes)
        return _Held(scene.snapshot, frame.opening, frame.size, jpeg)

    def _is_followed(self) -> bool:
        return bool(self._held) and len(self._held) > self._frames_per_round(self._held[0].size)


def _packed(bgr: BgrImage, most_bytes: int) -> bytes:
    """Return the picture as a JPEG of at most so many bytes, coarser or smaller where it must."""
    for quality in _HELD_QUALITIES:
        jpeg: bytes = simplejpeg.encode_jpeg(
            np.ascontiguousarray(bgr), quality, colorspace="BGR", colorsubsampling="444"
        )
        if len(jpeg) <= most_bytes or min(bgr.shape[:2]) < _SMALLEST_HELD_PX:
            return jpeg
    half = (max(bgr.shape[1] // 2, 1), max(bgr.shape[0] // 2, 1))
    return _packed(np.asarray(cv2.resize(bgr, half, interpolation=cv2.INTER_AREA)), most_bytes)


def _pixelated(held: _Held, heads: Sequence[BBox]) -> BgrImage:
    """Return the picture with its heads in blocks, then boxes and labels."""
    bgr: BgrImage = simplejpeg.decode_jpeg(held.jpeg, "BGR")
    if (bgr.shape[1], bgr.shape[0]) != held.size:
        bgr = np.asarray(cv2.resize(bgr, held.size, interpolation=cv2.INTER_LINEAR), np.uint8)
    for head in heads:
        pixelate(bgr, head)
    return draw_faces(bgr, held.snapshot.faces)


def pixelate(bgr: BgrImage, head: BBox) -> None:
    """Reduce the part of the picture inside `head` to blocks an eighth of it wide, in place."""
    height, width = bgr.shape[:2]
    part = head.clip(width, height)
    left, top = int(part.x1), int(part.y1)
    right, bottom = min(int(part.x2) + 1, width), min(int(part.y2) + 1, height)
    if part.area <= 0 or right <= left or bottom <= top:
        return
    block_px = max(head.width, head.height) / _BLOCKS
    blocks = (
        max(1, round((right - left) / block_px)),
        max(1, round((bottom - top) / block_px)),
    )
    region = bgr[top:bottom, left:right]
    few = cv2.resize(region, blocks, interpolation=cv2.INTER_AREA)
    size = (right - left, bottom - top)
    bgr[top:bottom, left:right] = cv2.resize(few, size, interpolation=cv2.INTER_NEAREST)


def _heads(snapshot: Snapshot, later: Iterable[Snapshot]) -> tuple[BBox, ...]:
    """Return where heads are in a picture: of whoever was followed in it, and who was found after.

    Somebody found later was near that place before, the less exactly the earlier.
    """
    found = {face.track_id for face in snapshot.faces}
    guessed = found | set(snapshot.unshown)
    seen_now = (
        *(face.box for face in snapshot.faces),
        *snapshot.unshown.values(),
        *snapshot.candidates,
    )
    heads = [box.scale(_HEAD) for box in seen_now]
    for seen in later:
        grown = _HEAD + _MOVES_PER_S * _lag_s(snapshot, seen)
        for face in seen.faces:
            if face.track_id not in found:
                heads.append(face.box.scale(grown))
        for track_id, box in seen.unshown.items():
            if track_id not in guessed:
                heads.append(box.scale(grown))
        heads += [box.scale(grown) for box in seen.candidates]
        found |= {face.track_id for face in seen.faces}
        guessed |= found | set(seen.unshown)
    return tuple(heads)


def _is_break(before: _Held, newest: Scene) -> bool:
    """Whether looks at the newest scene say nothing about the one before.

    Frames that are MAX_AGE_S apart were not filtered one after the other.
    """
    if before.opening != newest.frame.opening or before.size != newest.frame.size:
        return True
    return abs(_lag_s(before.snapshot, newest.snapshot)) > MAX_AGE_S


def _lag_s(earlier: Snapshot, later: Snapshot) -> float:
    return later.captured_at_s - earlier.captured_at_s
