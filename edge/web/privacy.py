"""The privacy filters: they decide what of a scene may leave the device.

The detector searches a frame part by part, so it finds a face some frames after the face comes into
view. The pixelate filter therefore holds each frame back until a whole round of detection is over,
and hides every face that was found until then. A face that the detector never finds is not hidden.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import cv2
import numpy as np
import simplejpeg

from edge.config import PrivacyMode
from edge.datatypes import BBox, BgrImage, Scene, Snapshot
from edge.palette import Rgb
from edge.web.overlay import annotate, draw_faces
from edge.web.placeholder import MAX_AGE_S

MAX_HELD_BYTES = 32 * 1024 * 1024
"""The limit for all held frames together. Uncompressed, a round takes 16 MB (640x480) to 650 MB."""

# JPEG qualities, tried in this order until a held frame is small enough; the first one usually is.
_HELD_QUALITIES = (85, 60, 35)
_SMALLEST_HELD_PX = 16
# A face's box reaches from the brows to the chin; enlarged by this factor it holds the head.
_HEAD_SCALE = 1.6
# Added to the factor for each second between the frame and the detection that found the face.
_GROWTH_PER_S = 1.0
_BLOCKS_PER_HEAD = 8  # across
_NEUTRAL: Rgb = (38, 44, 52)


@dataclass(frozen=True, slots=True, eq=False)
class ShownScene:
    """What may be shown of a scene: its snapshot, and `draw`, which returns the filtered frame.

    The filtered frame is BGR uint8 (H, W, 3), of the frame's size.
    """

    snapshot: Snapshot
    draw: Callable[[], BgrImage]


class PrivacyFilter(Protocol):
    """Removes from scenes what must not leave the device."""

    def apply(self, newest: Scene) -> ShownScene | None:
        """Add the newest scene and return what may be shown now, None while there is nothing.

        Returns the same object until there is something newer.
        """
        ...

    def forget(self) -> None:
        """Drop every frame."""
        ...


FramesPerRound = Callable[[tuple[int, int]], int]
"""Maps a frame's (width, height) to the number of frames in which all of it is searched once."""


def filter_for(mode: PrivacyMode, frames_per_round: FramesPerRound) -> PrivacyFilter:
    """Return the filter for a value of [stream] privacy."""
    if mode == "pixelate":
        return PixelateFilter(frames_per_round)
    return BoxesFilter() if mode == "boxes-only" else PlainFilter()


class PlainFilter:
    """Shows the whole frame at once."""

    def __init__(self) -> None:
        self._shown: ShownScene | None = None

    def apply(self, newest: Scene) -> ShownScene:
        """Return the newest scene with boxes and labels. See PrivacyFilter."""
        shown = self._shown
        if shown is None or shown.snapshot is not newest.snapshot:
            self._shown = shown = ShownScene(newest.snapshot, partial(self._drawn, newest))
        return shown

    def forget(self) -> None:
        """Drop the newest scene. See PrivacyFilter."""
        self._shown = None

    def _drawn(self, scene: Scene) -> BgrImage:
        return annotate(scene)


class BoxesFilter(PlainFilter):
    """Shows boxes and labels on a plain background."""

    def _drawn(self, scene: Scene) -> BgrImage:
        background = np.full_like(scene.frame.bgr, _NEUTRAL[::-1])
        return draw_faces(background, scene.snapshot.faces)


@dataclass(frozen=True, slots=True, eq=False)
class _HeldFrame:
    """A scene that waits for the detections after it, its frame as a JPEG."""

    snapshot: Snapshot
    opening: int
    size: tuple[int, int]
    jpeg: bytes


class PixelateFilter:
    """Shows frames one round of detection late, with every head reduced to a few blocks.

    The held frames take at most MAX_HELD_BYTES, at any frame size.
    """

    def __init__(self, frames_per_round: FramesPerRound) -> None:
        self._frames_per_round = frames_per_round
        self._lock = threading.Lock()
        self._held: deque[_HeldFrame] = deque()
        self._shown: ShownScene | None = None

    @property
    def held_bytes(self) -> int:
        """The size of the held frames."""
        with self._lock:
            return sum(len(held.jpeg) for held in self._held)

    def apply(self, newest: Scene) -> ShownScene | None:
        """Return the newest scene that a whole round of detection followed. See PrivacyFilter."""
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
                self._shown = ShownScene(due.snapshot, partial(_pixelated, due, heads))
            return self._shown

    def forget(self) -> None:
        """Drop the held frames and the one that was shown last. See PrivacyFilter."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        self._held.clear()
        self._shown = None

    def _hold(self, scene: Scene) -> _HeldFrame:
        frame = scene.frame
        # Plus two: a new frame is added before the oldest is removed, and that one is still shown.
        max_bytes = MAX_HELD_BYTES // (self._frames_per_round(frame.size) + 2)
        jpeg = _compressed(frame.bgr, max_bytes)
        return _HeldFrame(scene.snapshot, frame.opening, frame.size, jpeg)

    def _is_followed(self) -> bool:
        return bool(self._held) and len(self._held) > self._frames_per_round(self._held[0].size)


def _compressed(bgr: BgrImage, max_bytes: int) -> bytes:
    """Return a JPEG of at most `max_bytes`, of lower quality or half the size where necessary."""
    for quality in _HELD_QUALITIES:
        jpeg: bytes = simplejpeg.encode_jpeg(
            np.ascontiguousarray(bgr), quality, colorspace="BGR", colorsubsampling="444"
        )
        if len(jpeg) <= max_bytes or min(bgr.shape[:2]) < _SMALLEST_HELD_PX:
            return jpeg
    half = (max(bgr.shape[1] // 2, 1), max(bgr.shape[0] // 2, 1))
    return _compressed(np.asarray(cv2.resize(bgr, half, interpolation=cv2.INTER_AREA)), max_bytes)


def _pixelated(held: _HeldFrame, heads: Sequence[BBox]) -> BgrImage:
    """Return the frame with pixelated heads, boxes and labels."""
    bgr: BgrImage = simplejpeg.decode_jpeg(held.jpeg, "BGR")
    if (bgr.shape[1], bgr.shape[0]) != held.size:
        bgr = np.asarray(cv2.resize(bgr, held.size, interpolation=cv2.INTER_LINEAR), np.uint8)
    for head in heads:
        pixelate(bgr, head)
    return draw_faces(bgr, held.snapshot.faces)


def pixelate(bgr: BgrImage, head: BBox) -> None:
    """Reduce the part of the frame inside `head` to blocks an eighth of it wide, in place."""
    height, width = bgr.shape[:2]
    part = head.clip(width, height)
    left, top = int(part.x1), int(part.y1)
    right, bottom = min(int(part.x2) + 1, width), min(int(part.y2) + 1, height)
    if part.area <= 0 or right <= left or bottom <= top:
        return
    block_px = max(head.width, head.height) / _BLOCKS_PER_HEAD
    blocks = (
        max(1, round((right - left) / block_px)),
        max(1, round((bottom - top) / block_px)),
    )
    region = bgr[top:bottom, left:right]
    few = cv2.resize(region, blocks, interpolation=cv2.INTER_AREA)
    size = (right - left, bottom - top)
    bgr[top:bottom, left:right] = cv2.resize(few, size, interpolation=cv2.INTER_NEAREST)


def _heads(snapshot: Snapshot, later: Iterable[Snapshot]) -> tuple[BBox, ...]:
    """Return the boxes of the heads in a frame: of faces tracked in it, and of faces found later.

    A face that is found later was near that place before; its box grows with the time between.
    """
    found = {face.track_id for face in snapshot.faces}
    guessed = found | set(snapshot.unshown)
    seen_now = (
        *(face.box for face in snapshot.faces),
        *snapshot.unshown.values(),
        *snapshot.candidates,
    )
    heads = [box.expand(_HEAD_SCALE) for box in seen_now]
    for seen in later:
        grown = _HEAD_SCALE + _GROWTH_PER_S * _lag_s(snapshot, seen)
        for face in seen.faces:
            if face.track_id not in found:
                heads.append(face.box.expand(grown))
        for track_id, box in seen.unshown.items():
            if track_id not in guessed:
                heads.append(box.expand(grown))
        heads += [box.expand(grown) for box in seen.candidates]
        found |= {face.track_id for face in seen.faces}
        guessed |= found | set(seen.unshown)
    return tuple(heads)


def _is_break(before: _HeldFrame, newest: Scene) -> bool:
    """Whether detections in the newest scene say nothing about the one before.

    Between frames that are MAX_AGE_S apart, other frames were not filtered.
    """
    if before.opening != newest.frame.opening or before.size != newest.frame.size:
        return True
    return abs(_lag_s(before.snapshot, newest.snapshot)) > MAX_AGE_S


def _lag_s(earlier: Snapshot, later: Snapshot) -> float:
    return later.captured_at_s - earlier.captured_at_s
