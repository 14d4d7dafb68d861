"""USB cameras and every other /dev/videoN, through OpenCV's V4L2 backend."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from edge.camera.jpeg import decoded
from edge.camera.newest import IsOver, NewestFrames
from edge.camera.orientation import oriented
from edge.config import CameraConfig
from edge.datatypes import BgrImage, Frame
from edge.errors import CameraNotFound, ConfigError, ResourceError
from edge.files import matching
from edge.process.quiet import silence_opencv

RETRY_S = 0.05
"""The pause after a failed read: on an unplugged camera OpenCV's read fails at once."""


_MJPG = cv2.VideoWriter.fourcc(*"MJPG")

log = logging.getLogger(__name__)


class Capture(Protocol):
    """The part of cv2.VideoCapture that is used."""

    def isOpened(self) -> bool: ...  # noqa: D102, N802 (OpenCV's names)
    def set(self, prop: int, value: float, /) -> bool: ...  # noqa: D102
    def get(self, prop: int, /) -> float: ...  # noqa: D102
    def read(self) -> tuple[bool, Any]: ...  # noqa: D102
    def release(self) -> None: ...  # noqa: D102


OpenCapture = Callable[[int, int], Capture]


class V4l2Camera(NewestFrames):
    """FrameSource of /dev/video<index>.

    OpenCV's read blocks for up to ten seconds when a camera hangs.
    """

    def __init__(
        self,
        config: CameraConfig,
        index: int,
        *,
        open_capture: OpenCapture = cv2.VideoCapture,
        corrupt: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the camera. `corrupt` is called for each frame that cannot be decoded.

        Raises CameraNotFound, see `advice`, ConfigError for a setting of Pi cameras only, and
        ResourceError when no thread can be started.
        """
        name = f"USB camera {index} (/dev/video{index})"
        _refuse_lens_settings(config, name)
        silence_opencv()
        capture = open_capture(index, cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise CameraNotFound(f"{name}: cannot be opened; {advice(video_devices())}")
        _request(capture, (config.width, config.height), config.fps)
        self._orient = partial(oriented, rotate_deg=config.rotate_deg, mirror=config.mirror)
        self._corrupt = corrupt
        self._has_told = False
        try:
            super().__init__(
                name,
                partial(self._frames, capture),
                thread=f"video{index}",
                advice="is it plugged in?",
            )
        except ResourceError:
            capture.release()
            raise

    def _frames(self, capture: Capture, is_over: IsOver) -> Iterator[Frame]:
        """Read until the end. A corrupt frame is none, but has a number."""
        # Only this thread touches the capture: releasing it during a read crashes OpenCV.
        seq = 0
        try:
            while not is_over():
                ok, read = _read(capture)
                if not ok:
                    time.sleep(RETRY_S)
                    continue
                at_s, bgr = time.monotonic(), _pixels(read)
                if bgr is None:
                    self._note_corrupt()
                else:
                    yield Frame(bgr=self._orient(bgr), seq=seq, captured_at_s=at_s)
                seq += 1
        finally:
            capture.release()

    def _note_corrupt(self) -> None:
        """Count a corrupt frame. Only the first is logged: some webcams send many."""
        self._corrupt()
        if not self._has_told:
            self._has_told = True
            log.warning(
                "camera: %s sends corrupt frames; they are skipped, and counted in /metrics",
                self.name,
            )


def _pixels(read: Any) -> BgrImage | None:
    """Return the pixels of what was read, None when it is a corrupt JPEG."""
    image = np.asarray(read, np.uint8)
    if image.ndim == 3 and image.shape[2] == 3:
        return image
    return decoded(image.tobytes())


def _refuse_lens_settings(config: CameraConfig, name: str) -> None:
    for key in ("focus_m", "exposure_ms"):
        if value := getattr(config, key):
            raise ConfigError(
                f"[camera] {key} = {value:g}: only Pi cameras support this, and {name} is not one; "
                f"set {key} = 0"
            )


def _request(capture: Capture, size: tuple[int, int], fps: int) -> None:
    # Best effort, in this order: without MJPG most webcams give 640x480 at a few frames a second.
    capture.set(cv2.CAP_PROP_FOURCC, _MJPG)
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    capture.set(cv2.CAP_PROP_FPS, fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if int(capture.get(cv2.CAP_PROP_FOURCC)) == _MJPG:
        # OpenCV would decode the JPEG with libjpeg, which prints a line for each damaged one.
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)


def _read(capture: Capture) -> tuple[bool, Any]:
    try:
        return capture.read()
    except cv2.error:
        return False, None


def video_devices(dev: Path = Path("/dev")) -> list[int]:
    """Return the N of every /dev/videoN, in order."""
    numbers = (path.name.removeprefix("video") for path in matching(dev, "video*"))
    return sorted(int(number) for number in numbers if number.isdecimal())


def usb_cameras(classes: Path = Path("/sys/class/video4linux")) -> list[int]:
    """Return the N of each USB camera's first /dev/videoN, in order.

    A Pi has a dozen other video devices, codecs and parts of its camera, that open and never
    deliver a frame. A webcam has a second device for metadata.
    """
    found = (path for path in matching(classes, "video*") if _is_usb_camera(path))
    return sorted(int(path.name.removeprefix("video")) for path in found)


def _is_usb_camera(device: Path) -> bool:
    try:
        first = (device / "index").read_text("utf-8").strip() == "0"
        return first and "/usb" in str((device / "device").resolve(strict=True))
    except OSError:
        return False


def advice(devices: list[int]) -> str:
    """Return the remedy for a camera that cannot be opened."""
    if not devices:
        return "there is no /dev/video*; plug a camera in"
    found = ", ".join(f"/dev/video{number}" for number in devices)
    return (
        f"found {found}; choose one with v4l2:N, close other programs that use it, "
        "and check that this user is in the group `video`"
    )
