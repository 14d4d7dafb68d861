"""The Pi camera, through picamera2 (Raspberry Pi OS's own package, built on libcamera).

API: picamera2 0.3.12 (Bookworm) to 0.3.38; its manual is
https://datasheets.raspberrypi.com/camera/picamera2-manual.pdf
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from typing import Any

import numpy as np

from edge.datatypes import BgrImage, Frame
from edge.errors import CameraError, CameraNotFound, CameraStalled

CONTINUOUS_AF = 2
"""libcamera's AfModeEnum.Continuous; autofocus is off until asked for."""


class PiCamera:
    """FrameSource of the first camera that libcamera knows."""

    def __init__(self, *, size: tuple[int, int], fps: int, picamera2: Any = None) -> None:
        """Open the camera for `size` (width, height) and start it.

        `picamera2` is the class to use, by default the installed package's. Raises
        CameraNotFound when the package or a camera is missing or another program uses it.
        """
        camera_class = picamera2 or import_picamera2()
        self.name = "Pi camera"
        self._closed = threading.Event()
        self._buffers = threading.Lock()
        self._seq = -1
        self._camera = _open(camera_class)
        try:
            self._camera.configure(_configuration(self._camera, size, fps))
            self._camera.start()
        except Exception as exc:
            self._camera.close()
            raise CameraNotFound(f"{self.name}: cannot start at {_wish(size, fps)}: {exc}") from exc

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame the sensor finishes. See FrameSource."""
        if self._closed.is_set():
            raise CameraError(f"{self.name}: closed")
        try:
            request = self._camera.capture_request(wait=timeout_s)
        except TimeoutError as exc:
            # The unanswered job would take a frame from the next read.
            self._camera.cancel_all_and_flush()
            message = f"{self.name}: no frame for {timeout_s:g} s; is its ribbon cable seated?"
            raise CameraStalled(message) from exc
        except (CancelledError, RuntimeError) as exc:
            raise CameraError(f"{self.name}: stopped: {exc or 'closed'}") from exc
        captured_at_s = time.monotonic()
        bgr = self._taken_from(request)
        self._seq += 1
        return Frame(bgr=bgr, seq=self._seq, captured_at_s=captured_at_s)

    def _taken_from(self, request: Any) -> BgrImage:
        """Return a copy of the request's picture and give its buffer back."""
        with self._buffers:  # closing unmaps the buffers
            try:
                if self._closed.is_set():
                    raise CameraError(f"{self.name}: closed")
                # "RGB888" is libcamera's little-endian name for bytes in the order B, G, R.
                return np.array(request.make_array("main"), dtype=np.uint8, order="C", copy=True)
            finally:
                request.release()

    def close(self) -> None:
        """Cancel a read under way and give the camera back. See FrameSource."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._camera.cancel_all_and_flush()
        with self._buffers:
            self._camera.close()


def import_picamera2() -> Any:
    """Return the Picamera2 class. Raises CameraNotFound when it is not installed."""
    try:
        from picamera2 import Picamera2  # noqa: PLC0415 (only on a Pi)
    except ImportError as exc:
        raise CameraNotFound(
            f"Pi camera: the picamera2 package cannot be imported ({exc}); "
            "run `sudo apt install python3-picamera2` and make the virtual environment "
            "with --system-site-packages"
        ) from exc
    return Picamera2


def _open(camera_class: Any) -> Any:
    if not camera_class.global_camera_info():
        raise CameraNotFound(
            "Pi camera: none is attached; check its cable, then run `rpicam-hello --list-cameras`"
        )
    try:
        return camera_class()
    except RuntimeError as exc:
        message = f"Pi camera: cannot be opened ({exc}); does another program use it?"
        raise CameraNotFound(message) from exc


def _configuration(camera: Any, size: tuple[int, int], fps: int) -> Any:
    controls: dict[str, Any] = {"FrameRate": fps}
    if "AfMode" in camera.camera_controls:
        controls["AfMode"] = CONTINUOUS_AF
    # No queue: a request asked for now is of light that falls now.
    return camera.create_video_configuration(
        main={"format": "RGB888", "size": size}, controls=controls, queue=False
    )


def _wish(size: tuple[int, int], fps: int) -> str:
    return f"{size[0]}x{size[1]}, {fps} fps"
