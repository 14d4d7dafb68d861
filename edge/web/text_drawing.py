"""Draws text and rounded shapes on an image, with OpenCV's own font; clipped to the image."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import numpy.typing as npt

from edge.datatypes import BgrImage
from edge.palette import Rgb

_FONT = cv2.FONT_HERSHEY_DUPLEX
_CAP_HEIGHT_PX = 22.0  # of the font at scale 1
INK: Rgb = (16, 20, 24)
PAPER: Rgb = (245, 247, 249)

Rectangle = tuple[int, int, int, int]
"""x, y of the top left corner, width and height, in pixels."""


def write(bgr: BgrImage, text: str, baseline: tuple[int, int], cap_px: float, ink: Rgb) -> None:
    """Draw one line of text whose capitals are `cap_px` high, starting at `baseline` (x, y)."""
    scale = cap_px / _CAP_HEIGHT_PX
    cv2.putText(bgr, printable(text), baseline, _FONT, scale, ink[::-1], 1, cv2.LINE_AA)


@functools.lru_cache(maxsize=256)  # the same few captions appear in each frame
def width_px(text: str, cap_px: float) -> int:
    """Return the width of a line of text whose capitals are `cap_px` high."""
    (width, _), _ = cv2.getTextSize(printable(text), _FONT, cap_px / _CAP_HEIGHT_PX, 1)
    return width


def wrap(text: str, limit_px: int, cap_px: float, max_lines: int) -> list[str]:
    """Return `text` as at most `max_lines` lines of at most `limit_px`; the rest becomes "..."."""
    lines: list[str] = []
    words = printable(text).split()
    while words and len(lines) < max_lines:
        count = len(words)
        while count > 1 and width_px(" ".join(words[:count]), cap_px) > limit_px:
            count -= 1
        lines.append(shorten(" ".join(words[:count]), limit_px, cap_px))
        words = words[count:]
    if words:
        lines[-1] = shorten(f"{lines[-1].removesuffix('...')} ...", limit_px, cap_px)
    return lines


def shorten(text: str, limit_px: int, cap_px: float) -> str:
    """Return `text`, or its beginning with "..." so that it fits in `limit_px`."""
    if width_px(text, cap_px) <= limit_px:
        return text
    kept = text.removesuffix("...")
    while kept and width_px(f"{kept}...", cap_px) > limit_px:
        kept = kept[:-1].rstrip()
    return f"{kept}..." if kept else ""


def printable(text: str) -> str:
    """Return `text` with "?" for every character that the font, which is ASCII, does not have."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)


def ink_on(colour: Rgb) -> Rgb:
    """Return INK or PAPER, the one with more contrast on `colour` (Rec. 601 luma)."""
    red, green, blue = colour
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 120 else PAPER


def rounded(rectangle: Rectangle, radius_px: int) -> npt.NDArray[np.int32]:
    """Return the outline of a rectangle with round corners as int32 (N, 2) points."""
    x, y, width, height = rectangle
    r = max(min(radius_px, width // 2, height // 2), 0)
    left, top, right, bottom = x + r, y + r, x + width - 1 - r, y + height - 1 - r
    corners = np.array(((left, top), (right, top), (right, bottom), (left, bottom)), np.int32)
    arcs = _arcs(r)
    return arcs + np.repeat(corners, len(arcs) // 4, axis=0)


@functools.lru_cache(maxsize=64)
def _arcs(radius_px: int) -> npt.NDArray[np.int32]:
    """Return a quarter of a circle for each corner, from the upper left one on, around (0, 0)."""
    starts = (180, 270, 0, 90)
    arcs = [cv2.ellipse2Poly((0, 0), (radius_px,) * 2, 0, s, s + 90, 15) for s in starts]
    most = max(map(len, arcs))  # OpenCV leaves out points that coincide
    return np.concatenate([np.pad(a, ((0, most - len(a)), (0, 0)), "edge") for a in arcs]).astype(
        np.int32
    )
