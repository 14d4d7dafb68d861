"""What of a scene may leave the device: all of it, no recognizable face, or no picture at all.

A face is found some frames after it comes into view: the detector looks at the room part by part.
So that nobody is shown before being found, pixelated pictures are held back until a round of looks
is over, and every face found by then is hidden in them. What no look finds is not hidden.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np

from edge.datatypes import BBox, BgrImage, Scene
from edge.palette import Rgb
from edge.web.annotate import annotate

Mode = Literal["off", "pixelate", "boxes-only"]

# Two scenes further apart were not looked at one after the other: nobody watched in between.
_LONGEST_GAP_S = 1.75
# A face's box goes from the brows to the chin; this many times as large it holds the head.
_HEAD = 1.6
# And by this much more for each second between the picture and the look that found the face.
_MOVES_PER_S = 1.0
_BLOCKS = 8  # across a hidden head
_NEUTRAL: Rgb = (38, 44, 52)


@dataclass(frozen=True, slots=True)
class Exposure:
    """A scene that may be shown, and the places that are to be hidden in it."""

    scene: Scene
    hidden: tuple[BBox, ...] = ()


class View(Protocol):
    """Turns scenes into pictures that may be seen."""

    def expose(self, newest: Scene) -> Exposure | None:
        """Take in the newest scene and return what may be shown now; None: nothing yet."""
        ...

    def draw(self, exposure: Exposure) -> BgrImage:
        """Return the picture, uint8 (H, W, 3)."""
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

    def expose(self, newest: Scene) -> Exposure:
        """Return the newest scene. See View."""
        return Exposure(newest)

    def draw(self, exposure: Exposure) -> BgrImage:
        """Return the frame with boxes and labels. See View."""
        return annotate(exposure.scene)


class BoxesView(PlainView):
    """Boxes and labels, and nothing of what the camera sees."""

    def draw(self, exposure: Exposure) -> BgrImage:
        """Return boxes and labels on an even ground. See View."""
        ground = np.full_like(exposure.scene.frame.bgr, _NEUTRAL[::-1])
        return annotate(exposure.scene, ground)


class PixelatedView:
    """Pictures a round of looks late, with everybody in them reduced to a few blocks."""

    def __init__(self, frames_per_round: Round) -> None:
        self._frames_per_round = frames_per_round
        self._lock = threading.Lock()
        self._held: deque[Scene] = deque()
        self._shown: Exposure | None = None

    def expose(self, newest: Scene) -> Exposure | None:
        """Return the newest scene that a whole round of looks has followed. See View."""
        with self._lock:
            if self._held and _lag_s(self._held[-1], newest) > _LONGEST_GAP_S:
                self._held.clear()
                self._shown = None
            # A viewer's thread may come late with a scene that another has brought before.
            if not self._held or _lag_s(self._held[-1], newest) > 0:
                self._held.append(newest)
            due = None
            while self._is_followed():
                due = self._held.popleft()
            if due is not None:
                self._shown = Exposure(due, _heads(due, self._held))
            return self._shown

    def draw(self, exposure: Exposure) -> BgrImage:
        """Return the frame with its heads in blocks, then boxes and labels. See View."""
        bgr = exposure.scene.frame.bgr.copy()
        for head in exposure.hidden:
            pixelate(bgr, head)
        return annotate(exposure.scene, bgr)

    def _is_followed(self) -> bool:
        return bool(self._held) and len(self._held) > self._frames_per_round(
            self._held[0].frame.size
        )


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


def _heads(scene: Scene, later: Iterable[Scene]) -> tuple[BBox, ...]:
    """Return where heads are in `scene`: of whoever was followed in it, and who was found after.

    Somebody found later was near that place before, the less exactly the earlier.
    """
    snapshot = scene.snapshot
    found = {face.track_id for face in snapshot.faces}
    guessed = found | set(snapshot.unshown)
    seen_now = (
        *(face.box for face in snapshot.faces),
        *snapshot.unshown.values(),
        *snapshot.candidates,
    )
    heads = [box.scale(_HEAD) for box in seen_now]
    for seen in later:
        grown = _HEAD + _MOVES_PER_S * _lag_s(scene, seen)
        for face in seen.snapshot.faces:
            if face.track_id not in found:
                heads.append(face.box.scale(grown))
        for track_id, box in seen.snapshot.unshown.items():
            if track_id not in guessed:
                heads.append(box.scale(grown))
        heads += [box.scale(grown) for box in seen.snapshot.candidates]
        found |= {face.track_id for face in seen.snapshot.faces}
        guessed |= found | set(seen.snapshot.unshown)
    return tuple(heads)


def _lag_s(earlier: Scene, later: Scene) -> float:
    return later.frame.captured_at_s - earlier.frame.captured_at_s
