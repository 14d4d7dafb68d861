"""The frames to measure on: a demo scene with a number of faces, a video, or a folder of images."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.camera.demo.scene import ACTORS, Actor, DemoScene
from edge.camera.folders import list_images
from edge.camera.media import iter_video, read_image
from edge.datatypes import BgrImage
from edge.errors import MediaError

FPS = 15.0
"""The frames' times are this far apart, whatever a file states."""

IMAGE_FRAMES = 5
"""For how many frames each image of a folder is shown."""

MOST_FACES = 8
ONE_FACE = "1 face"
"""The name of the demo scene's clip with one."""

_COLUMNS = 4
# Widths of the faces' boxes in a frame of 640x480: two actors as in the demo, more of them smaller.
_FEW_FACE_PX, _MANY_FACE_PX = (94.0, 180.0), (62.0, 84.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """Frames in memory, uint8 (H, W, 3), all of one size. `faces` is None when unknown.

    `capture_ms` is the time that each took to render or to decode.
    """

    name: str
    frames: Sequence[BgrImage]
    capture_ms: Sequence[float]
    faces: int | None = None

    @property
    def seconds(self) -> float:
        """The length of the video that the frames stand for."""
        return len(self.frames) / FPS


def demo_clip(faces: int, frames: int) -> Clip:
    """Return the demo's background with 0 to 8 actors who stay in the frame."""
    scene = DemoScene(fps=FPS, actors=crowd(faces))
    name = ONE_FACE if faces == 1 else f"{faces} faces"
    drawn, capture_ms = _timed(scene.render(seq / FPS) for seq in range(frames))
    return Clip(name=name, frames=drawn, capture_ms=capture_ms, faces=faces)


def crowd(faces: int) -> tuple[Actor, ...]:
    """Return `faces` actors in one row, or two for more than four."""
    rows = math.ceil(faces / _COLUMNS)
    return tuple(_placed(number, faces, rows) for number in range(faces))


def _placed(number: int, faces: int, rows: int) -> Actor:
    row, column = divmod(number, _COLUMNS)
    in_row = min(faces - row * _COLUMNS, _COLUMNS)
    model = ACTORS[number % len(ACTORS)]
    turn = number % len(model.script)
    return Actor(
        name=f"actor {number}",
        look=model.look,
        script=(*model.script[turn:], *model.script[:turn]),
        x=(column + 0.5) / in_row,
        y=0.44 if rows == 1 else (0.24, 0.70)[row],
        face_px=_FEW_FACE_PX if faces <= 2 else _MANY_FACE_PX,
        phase=model.phase + number,
        leaves=False,
    )


def clip_of(path: Path, frames: int) -> Clip:
    """Return the first frames of a video, or a folder's images as a video. Raises MediaError."""
    source = _images(path) if path.is_dir() else (frame.bgr for frame in iter_video(path))
    read, capture_ms = _timed(itertools.islice(source, frames))
    if len(read) < 2:
        raise MediaError(f"{path}: too few frames to measure: {len(read)}; 2 are needed")
    if odd := next((bgr.shape for bgr in read if bgr.shape != read[0].shape), None):
        raise MediaError(
            f"{path}: frames of different sizes, {read[0].shape[1]}x{read[0].shape[0]} and "
            f"{odd[1]}x{odd[0]}; all must be alike"
        )
    return Clip(name=path.name, frames=read, capture_ms=capture_ms)


def _timed(source: Iterable[BgrImage]) -> tuple[list[BgrImage], list[float]]:
    """Return the frames of `source`, and how long each took in ms."""
    frames, took_ms, start_s = [], [], time.perf_counter()
    for bgr in source:
        frames.append(bgr)
        took_ms.append((time.perf_counter() - start_s) * 1000)
        start_s = time.perf_counter()
    return frames, took_ms


def _images(folder: Path) -> Iterator[BgrImage]:
    for path in list_images(folder):
        yield from itertools.repeat(read_image(path), IMAGE_FRAMES)
