"""A network camera over rtsp, through OpenCV's FFmpeg."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from edge.camera.media import MAX_PIXELS, next_frame
from edge.camera.network_login import network_address
from edge.camera.newest import IsOver, NewestFrames, numbered
from edge.config import CameraConfig
from edge.datatypes import BgrImage
from edge.errors import CameraError, CameraNotFound
from edge.process.quiet import silence_opencv

_OPEN_TIMEOUT_MS, _READ_TIMEOUT_MS = 6000, 4000
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


def open_rtsp(config: CameraConfig) -> NewestFrames:
    """Open the camera. Raises CameraNotFound, ConfigError for a wrong login file.

    A lost packet damages a frame over UDP, so TCP is tried first.
    """
    address = network_address(config)
    silence_opencv()
    timeouts = (
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_TIMEOUT_MS),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, _READ_TIMEOUT_MS),
    )
    with _ffmpeg_options("rtsp_flags;prefer_tcp"):
        video = cv2.VideoCapture(address.url_with_login, cv2.CAP_FFMPEG, timeouts)
    if not video.isOpened():
        video.release()
        raise CameraNotFound(
            f"{address.name}: no video can be opened; check that it is on, its path and its login "
            "([camera] login_file)"
        )
    size = video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if size[0] * size[1] > MAX_PIXELS:
        video.release()
        raise CameraNotFound(f"{address.name}: its frames are too large")

    def images(is_over: IsOver) -> Iterator[BgrImage]:
        # Only this thread touches the video: releasing it during a read crashes OpenCV.
        try:
            while not is_over():
                bgr = next_frame(video)
                if bgr is None:
                    raise CameraError("the stream broke off")
                yield bgr
        finally:
            video.release()

    return NewestFrames(address.name, lambda is_over: numbered(images(is_over)))


@contextmanager
def _ffmpeg_options(options: str) -> Iterator[None]:
    """Pass options to FFmpeg while a video is opened: OpenCV takes them from the environment."""
    before = os.environ.get(_OPTIONS)
    os.environ[_OPTIONS] = before or options
    try:
        yield
    finally:
        if before is None:
            del os.environ[_OPTIONS]
