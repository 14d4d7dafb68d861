"""A scene the program renders itself: actors on a stage, for machines without a camera.

`DemoScene.render` depends on the time alone, so a test or a measurement needs no clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.camera.demo.background import Stage
from edge.camera.demo.portrait import FACE_BOX, HEIGHT_PX, WIDTH_PX, Look, Portraits
from edge.camera.replay import Pace
from edge.datatypes import BBox, BgrImage, Frame

HOLD_S = 4.0
MORPH_S = 1.0
BEAT_S = HOLD_S + MORPH_S

DESIGN_SIZE = (640, 480)
"""Positions and face sizes below are for a frame of this size, and scale with it."""

ABSENCE_PERIOD_S = 36.0
"""Once in this long an actor with `leaves` walks off for ABSENCE_S, taking WALK_S each way."""
ABSENCE_S = 5.0
WALK_S = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who plays what, where: `x` and `y` are shares of the frame.

    `face_px` is (smallest, largest) width of the face's box.
    """

    name: str
    look: Look
    script: tuple[str, ...]
    x: float
    face_px: tuple[float, float]
    phase: float
    leaves: bool
    y: float = 0.49


@dataclass(frozen=True, slots=True, kw_only=True)
class Intention:
    """What a visible actor is meant to show: `label` is None while changing."""

    actor: str
    label: str | None
    box: BBox


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pose:
    """Where a portrait is: its face's centre in frame pixels, its scale and tilt."""

    x: float
    y: float
    scale: float
    tilt_deg: float

    def matrix(self) -> npt.NDArray[np.float64]:
        """Return the 2x3 transform from portrait to frame pixels."""
        cx, cy = FACE_BOX.center
        matrix = np.asarray(
            cv2.getRotationMatrix2D((cx, cy), self.tilt_deg, self.scale), np.float64
        )
        matrix[:, 2] += np.array((self.x - cx, self.y - cy))
        return matrix

    def face_box(self) -> BBox:
        """Return the face's box in frame pixels."""
        half_w, half_h = FACE_BOX.width * self.scale / 2, FACE_BOX.height * self.scale / 2
        return BBox(self.x - half_w, self.y - half_h, self.x + half_w, self.y + half_h)


ACTORS = (
    Actor(
        name="Ada",
        look=Look(
            faces="dark",
            skin=((40, 17, 16), (176, 118, 90), (255, 234, 208)),
            metal=(214, 164, 84),
        ),
        script=("happy", "surprise", "neutral", "angry", "sad"),
        x=0.29,
        face_px=(104, 222),
        phase=0.0,
        leaves=False,
    ),
    Actor(
        name="Ben",
        look=Look(
            faces="light",
            skin=((44, 22, 30), (190, 122, 104), (255, 238, 226)),
            metal=(176, 190, 214),
        ),
        script=("neutral", "happy", "sad", "surprise", "angry"),
        x=0.73,
        face_px=(94, 180),
        phase=math.pi,
        leaves=True,
    ),
)


class DemoScene:
    """FrameSource of the rendered scene, in real time."""

    name = "demo scene"

    def __init__(
        self,
        size: tuple[int, int] = DESIGN_SIZE,
        fps: float = 30,
        actors: Sequence[Actor] = ACTORS,
    ) -> None:
        """Prepare frames of `size` (width, height) pixels."""
        self._actors = actors
        self._size = size
        self._fps = fps
        self._unit = min(size[0] / DESIGN_SIZE[0], size[1] / DESIGN_SIZE[1])
        self._stage = Stage(size)
        self._portraits = {actor.name: Portraits(actor.look) for actor in actors}
        self._pace = Pace(fps)
        self._seq = -1

    def read(self, timeout_s: float) -> Frame:
        """Return the frame that is due now. See FrameSource."""
        self._seq += self._pace.wait(timeout_s, self.name)
        captured_at_s = time.monotonic()
        bgr = self.render(self._seq / self._fps)
        return Frame(bgr=bgr, seq=self._seq, captured_at_s=captured_at_s)

    def close(self) -> None:
        """End a read under way. See FrameSource."""
        self._pace.close()

    def render(self, t_s: float) -> BgrImage:
        """Return the scene `t_s` seconds after its start, uint8 (H, W, 3)."""
        bgr = self._stage.render(t_s)
        for actor, pose in self._on_stage(t_s):
            self._draw(bgr, actor, pose, t_s)
        return bgr

    def intended(self, t_s: float) -> list[Intention]:
        """Return what each actor whose face is wholly in the frame is meant to show."""
        frame = BBox(0, 0, *self._size)
        return [
            Intention(actor=actor.name, label=_held(actor, t_s), box=pose.face_box())
            for actor, pose in self._on_stage(t_s)
            if frame.contains(pose.face_box())
        ]

    def _on_stage(self, t_s: float) -> list[tuple[Actor, _Pose]]:
        """Return the actors, the farthest first."""
        poses = [(actor, self._pose(actor, t_s)) for actor in self._actors]
        return sorted(poses, key=lambda pair: pair[1].scale)

    def _pose(self, actor: Actor, t_s: float) -> _Pose:
        width, height = self._size
        nearness = 0.5 + 0.5 * math.sin(2 * math.pi * t_s / 26 + actor.phase)
        small, large = actor.face_px
        face_px = small * (large / small) ** nearness * self._unit
        sway = 0.025 * math.sin(t_s / 1.9 + actor.phase) + 0.008 * math.sin(t_s * 1.3)
        bob = 0.012 * math.sin(t_s * 1.1 + actor.phase)
        gone = _absence(t_s) if actor.leaves else 0.0
        return _Pose(
            x=width * (actor.x + sway) + gone * (width * (1 - actor.x) + 1.5 * face_px),
            y=height * (actor.y + 0.05 * nearness + bob),
            scale=face_px / FACE_BOX.width,
            tilt_deg=5 * math.sin(t_s / 1.7 + actor.phase) - 6 * gone,
        )

    def _draw(self, bgr: BgrImage, actor: Actor, pose: _Pose, t_s: float) -> None:
        matrix = pose.matrix()
        x1, y1, x2, y2 = self._covered(matrix)
        if x1 >= x2 or y1 >= y2:
            return
        matrix[:, 2] -= x1, y1
        part = bgr[y1:y2, x1:x2]
        size = (x2 - x1, y2 - y1)
        drawn = self._portraits[actor.name].draw(*_morph(actor, t_s))
        placed = cv2.warpAffine(drawn, matrix, size, flags=cv2.INTER_LINEAR)
        front = cv2.convertScaleAbs(placed[..., :3], alpha=_light(actor, t_s))
        shade = 255 - placed[..., 3]
        behind = cv2.multiply(part, cv2.merge([shade, shade, shade]), scale=1 / 255)
        cv2.add(behind, front, dst=part)

    def _covered(self, matrix: npt.NDArray[np.float64]) -> tuple[int, int, int, int]:
        """Return the part of the frame a portrait covers, as x1, y1, x2, y2."""
        corners = np.array([(0, 0), (WIDTH_PX, 0), (0, HEIGHT_PX), (WIDTH_PX, HEIGHT_PX)])
        points = corners @ matrix[:, :2].T + matrix[:, 2]
        low = np.clip(np.floor(points.min(axis=0)), 0, self._size).astype(int)
        high = np.clip(np.ceil(points.max(axis=0)), 0, self._size).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _morph(actor: Actor, t_s: float) -> tuple[str, str, float]:
    """Return the expression left, the one taken, and how far between them, 0..1."""
    beat, into_s = divmod(t_s, BEAT_S)
    script = actor.script
    now, following = (script[(int(beat) + k) % len(script)] for k in (0, 1))
    return now, following, _eased((into_s - HOLD_S) / MORPH_S)


def _held(actor: Actor, t_s: float) -> str | None:
    now, _, share = _morph(actor, t_s)
    return now if share == 0 else None


def _light(actor: Actor, t_s: float) -> float:
    """Return how brightly the spotlight falls on an actor, about 1."""
    return 0.93 + 0.12 * math.sin(t_s / 3.1 + 2 * actor.phase)


def _absence(t_s: float) -> float:
    """Return 0 while on stage, 1 while away, and what lies between while walking."""
    into_s = t_s % ABSENCE_PERIOD_S
    left_s = ABSENCE_PERIOD_S - ABSENCE_S - 2 * WALK_S
    leaving = _eased((into_s - left_s) / WALK_S)
    returning = _eased((into_s - left_s - WALK_S - ABSENCE_S) / WALK_S)
    return leaving - returning


def _eased(x: float) -> float:
    """Return 0..1 for x in 0..1 with a gentle start and end (smoothstep)."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)
