"""Turns and mirrors frames, for a camera that is mounted on its side or upside down."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import cv2

from edge.camera.source import FrameSource
from edge.config import CameraConfig
from edge.datatypes import BgrImage, Frame

_ROTATIONS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


def oriented(bgr: BgrImage, rotate_deg: int, *, mirror: bool) -> BgrImage:
    """Return the image turned clockwise by 0, 90, 180 or 270 degrees, then mirrored if asked."""
    if rotate_deg == 180 and mirror:
        return cast(BgrImage, cv2.flip(bgr, 0))
    if rotate_deg:
        bgr = cast(BgrImage, cv2.rotate(bgr, _ROTATIONS[rotate_deg]))
    return cast(BgrImage, cv2.flip(bgr, 1)) if mirror else bgr


class OrientedSource:
    """A FrameSource whose frames are turned and mirrored as the settings say."""

    def __init__(self, source: FrameSource, config: CameraConfig) -> None:
        self.name = source.name
        self._source = source
        self._rotate_deg = config.rotate_deg
        self._mirror = config.mirror

    def read(self, timeout_s: float) -> Frame:
        """Return the newest frame. See FrameSource."""
        frame = self._source.read(timeout_s)
        return replace(frame, bgr=oriented(frame.bgr, self._rotate_deg, mirror=self._mirror))

    def close(self) -> None:
        """Release the camera. See FrameSource."""
        self._source.close()
