"""The demo's actors: a statistical face, tinted like skin, in an oval frame.

No face is of one person: faces/people.json states how many people each grey face averages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import cv2
import numpy as np
import numpy.typing as npt

from edge.datatypes import BBox, BgrImage, GrayImage
from edge.errors import MediaError
from edge.palette import Rgb

Floats = npt.NDArray[np.float32]
BgraImage = npt.NDArray[np.uint8]

WIDTH_PX, HEIGHT_PX = 312, 384
TILE_PX = 160
"""Side of a statistical face."""

RESOLUTION = 1.5
"""Portrait pixels for each pixel of the face."""

CENTRE = (WIDTH_PX // 2, HEIGHT_PX // 2)
GLASS_AXES = (102, 134)
RIM_AXES = (112, 145)
SHADOW_AXES = (126, 160)

PLACEMENT = np.array(
    [
        (RESOLUTION, 0, CENTRE[0] - 0.50 * TILE_PX * RESOLUTION),
        (0, RESOLUTION, CENTRE[1] - 0.54 * TILE_PX * RESOLUTION),
    ]
)
"""From face to portrait pixels: brings the middle of the face to CENTRE."""

FACE_BOX = BBox(72, 127, 240, 295)
"""Where BlazeFace sees the face in a portrait; measured, the mean of all of them."""


@dataclass(frozen=True, slots=True)
class Look:
    """An actor: which faces, skin from darkest shadow to highlight, and the frame's metal."""

    faces: str
    skin: tuple[Rgb, Rgb, Rgb]
    metal: Rgb


class Portraits:
    """Draws one actor with any expression or any mixture of two."""

    def __init__(self, look: Look) -> None:
        self._faces = look.faces
        self._tones = _tones(look.skin)
        glass = _ellipse(GLASS_AXES, edge_px=1.5)
        self._glass = np.repeat((glass * _vignette())[..., None], 3, axis=2)
        self._frame = _frame(look.metal, glass)
        self._still = lru_cache(maxsize=None)(self._drawn)

    def draw(self, before: str, after: str, share: float) -> BgraImage:
        """Return the actor `share` (0..1) of the way from one expression to another.

        uint8 (384, 312, 4), the colours already multiplied by alpha / 255. Raises MediaError
        when there is no such face.
        """
        if share in (0.0, 1.0):
            return self._still(after if share else before)
        return self._framed(morphed(self._faces, before, after, share))

    def _drawn(self, label: str) -> BgraImage:
        return self._framed(face_tile(self._faces, label))

    def _framed(self, gray: GrayImage) -> BgraImage:
        tinted = cv2.LUT(cv2.merge([gray, gray, gray]), self._tones)
        placed = cv2.warpAffine(
            tinted,
            PLACEMENT,
            (WIDTH_PX, HEIGHT_PX),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        seen = np.asarray(cv2.multiply(placed, self._glass, dtype=cv2.CV_8U), np.uint8)
        portrait = self._frame.copy()
        portrait[..., :3] += seen  # cannot overflow: the rim is black where the glass is
        return portrait


@lru_cache(maxsize=32)
def face_tile(faces: str, label: str) -> GrayImage:
    """Return a statistical face, uint8 (160, 160). Raises MediaError when it is missing."""
    name = f"{faces}-{label}.png"
    try:
        png = resources.files("edge.camera.demo").joinpath("faces", name).read_bytes()
    except OSError as exc:
        raise MediaError(f"edge/camera/demo/faces/{name}: missing; reinstall emotion-edge") from exc
    gray = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    if gray is None or gray.shape != (TILE_PX, TILE_PX):
        raise MediaError(f"edge/camera/demo/faces/{name}: damaged; reinstall emotion-edge")
    return np.asarray(gray, np.uint8)


def morphed(faces: str, before: str, after: str, share: float) -> GrayImage:
    """Return the face between two expressions: features move while one fades into the other."""
    flow = _motion(faces, before, after)
    rows, columns = np.mgrid[0:TILE_PX, 0:TILE_PX].astype(np.float32)
    parts = []
    for label, moved in ((before, -share), (after, 1 - share)):
        where = columns + moved * flow[..., 0], rows + moved * flow[..., 1]
        tile = face_tile(faces, label)
        parts.append(cv2.remap(tile, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return np.asarray(cv2.addWeighted(parts[0], 1 - share, parts[1], share, 0), np.uint8)


@lru_cache(maxsize=64)
def _motion(faces: str, before: str, after: str) -> Floats:
    """Return how far each point of one face moves to the other: float32 (160, 160, 2) pixels."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    start = np.zeros((TILE_PX, TILE_PX, 2), np.float32)
    motion = flow.calc(face_tile(faces, before), face_tile(faces, after), start)
    # The faces are symmetric; a flow that is not would twist the mouth on the way.
    mirrored = motion[:, ::-1] * np.array((-1, 1), np.float32)
    return np.asarray(cv2.GaussianBlur((motion + mirrored) / 2, (0, 0), 4), np.float32)


def _tones(skin: tuple[Rgb, Rgb, Rgb]) -> BgrImage:
    """Return the colour of each grey level: uint8 (1, 256, 3)."""
    levels = np.arange(256)
    channels = [np.interp(levels, (0, 128, 255), [tone[c] for tone in skin]) for c in (2, 1, 0)]
    return np.stack(channels, axis=1).astype(np.uint8)[None]


def _frame(metal: Rgb, glass: Floats) -> BgraImage:
    """Return the rim on black, and as alpha the whole portrait with a soft shadow around it."""
    solid = _ellipse(RIM_AXES, edge_px=1.5)
    shadow = 0.55 * _ellipse(SHADOW_AXES, edge_px=34)
    y, x = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)
    # Light falls from the upper left, and glints where the metal turns away from it.
    slope = (x - CENTRE[0]) / WIDTH_PX + (y - CENTRE[1]) / HEIGHT_PX
    shine = 0.80 - 0.55 * slope + 0.25 * np.cos(9 * slope)
    rim = (np.clip(solid - glass, 0, 1) * shine)[..., None] * np.array(metal[::-1], np.float32)
    alpha = np.maximum(solid, shadow)[..., None] * 255
    return np.asarray(np.clip(np.concatenate([rim, alpha], axis=2), 0, 255), np.uint8)


def _vignette() -> Floats:
    """Return how light the glass is, 1 in the middle and darker towards the rim."""
    towards_rim = np.clip((_radius(GLASS_AXES) - 0.62) / 0.38, 0, 1)
    return np.asarray(1 - 0.75 * towards_rim**1.6, np.float32)


def _ellipse(axes: tuple[int, int], *, edge_px: float) -> Floats:
    """Return coverage 0..1 of an ellipse about CENTRE: float32 (384, 312)."""
    inside_px = (1 - _radius(axes)) * min(axes)
    return np.asarray(np.clip(0.5 + inside_px / edge_px, 0, 1), np.float32)


def _radius(axes: tuple[int, int]) -> Floats:
    """Return how far each pixel is from CENTRE, 1 on the ellipse."""
    y, x = np.mgrid[0:HEIGHT_PX, 0:WIDTH_PX].astype(np.float32)
    return np.asarray(np.hypot((x - CENTRE[0]) / axes[0], (y - CENTRE[1]) / axes[1]), np.float32)
