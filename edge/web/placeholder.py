"""The notice that viewers see when there is no live frame: it says why."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge.datatypes import BgrImage, CameraState, Health
from edge.palette import Rgb
from edge.web.text_drawing import PAPER, rounded, shorten, width_px, wrap, write

MAX_AGE_S = 1.75
"""A frame that is older is not shown as live: a notice takes its place within two seconds."""

_BACKGROUND: Rgb = (24, 28, 34)
_DETAIL: Rgb = (164, 172, 180)
_TITLES = {
    CameraState.STARTING: "Camera starting",
    CameraState.LOST: "Camera disconnected",
    CameraState.PAUSING: "Camera closing",
    CameraState.PAUSED: "Camera paused",
    CameraState.LIVE: "No new frame",  # the camera delivers, but its frames come too late
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A title, a detail, and the (width, height) of the image that shows them."""

    title: str
    detail: str
    size: tuple[int, int]


def notice_of(health: Health, size: tuple[int, int]) -> Notice:
    """Return the notice for a camera that delivers no live frame."""
    late = health.camera is CameraState.LIVE
    detail = "The newest frame is too old to be shown as live" if late else health.detail
    return Notice(_TITLES[health.camera], detail, size)


def notice_of_hiding(size: tuple[int, int]) -> Notice:
    """Return the notice for frames that are held back until their faces are found."""
    return Notice(
        "Searching for faces to hide", "The video starts when the whole room was searched", size
    )


def notice_of_failure(size: tuple[int, int]) -> Notice:
    """Return the notice for frames that cannot be drawn or encoded."""
    return Notice("Frames cannot be shown", "The device's log says why", size)


def draw_notice(notice: Notice) -> BgrImage:
    """Return the notice as a BGR image, uint8 (H, W, 3)."""
    width, height = notice.size
    bgr = np.full((height, width, 3), _BACKGROUND[::-1], np.uint8)
    cap_px = max(9.0, height / 26)
    _draw_camera(bgr, (width // 2, round(height * 0.34)), height / 11)
    y = round(height * 0.54)
    _write_centred(bgr, shorten(notice.title, round(width * 0.9), cap_px), y, cap_px, PAPER)
    small_px = max(8.0, cap_px * 0.66)
    for line in wrap(notice.detail, round(width * 0.84), small_px, max_lines=3):
        y += round(small_px * 2.2)
        _write_centred(bgr, line, y, small_px, _DETAIL)
    return bgr


def _write_centred(bgr: BgrImage, text: str, y: int, cap_px: float, ink: Rgb) -> None:
    write(bgr, text, ((bgr.shape[1] - width_px(text, cap_px)) // 2, y), cap_px, ink)


def _draw_camera(bgr: BgrImage, center: tuple[int, int], radius_px: float) -> None:
    """Draw a small camera that is crossed out."""
    x, y = center
    r, stroke_px = round(radius_px), max(2, round(radius_px / 12))
    body = rounded((x - r, y - round(r * 0.6), 2 * r, round(r * 1.3)), r // 4)
    cv2.polylines(bgr, [body], True, _DETAIL[::-1], stroke_px, cv2.LINE_AA)
    cv2.circle(bgr, (x, y), round(r * 0.36), _DETAIL[::-1], stroke_px, cv2.LINE_AA)
    ends = (x - r, y - round(r * 0.95)), (x + r, y + round(r * 1.05))
    cv2.line(bgr, *ends, _BACKGROUND[::-1], 4 * stroke_px, cv2.LINE_AA)
    cv2.line(bgr, *ends, _DETAIL[::-1], stroke_px, cv2.LINE_AA)
