"""A USB camera and OpenCV's VideoCapture of it without the hardware, as strict as the real ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import cv2
import numpy as np
import simplejpeg

from edge.datatypes import BgrImage

BLOCKED_READ_S = 10.0
"""How long OpenCV's V4L2 backend waits for a frame before its read gives up."""


class FakeUsbCamera:
    """The device; pass its `open` as `open_capture`.

    A handle opened before `unplug` stays dead after `plug_back`, as a real one does: only
    opening the device again brings frames. `stall` hangs the camera and `resume` ends that. While
    `may_release` is cleared, closing it hangs.
    """

    def __init__(self, index: int = 0, *, fps: float = 100.0) -> None:
        self.captures: list[FakeVideoCapture] = []
        """Every handle that was opened, oldest first."""
        self.delivering = threading.Event()
        self.delivering.set()
        self.may_release = threading.Event()
        self.may_release.set()
        self.period_s = 1 / fps
        self.damage: Callable[[int, bytes], bytes] | None = None
        """Changes the JPEG of a frame, by its number from 1."""
        self._index: int | None = index
        self._plugged_index = index

    def open(self, index: int, api: int = cv2.CAP_ANY) -> FakeVideoCapture:
        """Return a handle, open or not, as cv2.VideoCapture(index, api) does."""
        if not isinstance(index, int) or api not in (cv2.CAP_ANY, cv2.CAP_V4L2):
            raise TypeError(f"not a V4L2 device: {index!r} with API {api!r}")
        capture = FakeVideoCapture(self, attached=index == self._index)
        self.captures.append(capture)
        return capture

    def unplug(self) -> None:
        """Pull the cable: reads of open handles fail at once, opening fails."""
        self._index = None
        for capture in self.captures:
            capture.attached = False
        self.delivering.set()

    def plug_back(self) -> None:
        """Push the cable in: the device can be opened again."""
        self._index = self._plugged_index

    def stall(self) -> None:
        """Hang: reads block from now on."""
        self.delivering.clear()

    def resume(self) -> None:
        """Deliver again."""
        self.delivering.set()


class FakeVideoCapture:
    """A handle with the methods and return types of cv2.VideoCapture."""

    def __init__(self, camera: FakeUsbCamera, *, attached: bool) -> None:
        self.attached = attached
        self.released = False
        self.settings: dict[int, float] = {}
        self._camera = camera
        self._opened = attached
        self._frames = 0

    def isOpened(self) -> bool:  # noqa: N802 (OpenCV's name)
        """Whether the device was found and the handle not yet released."""
        return self._opened

    def set(self, prop: int, value: float, /) -> bool:
        """Set a property; False when the device is not open."""
        if self._opened:
            self.settings[prop] = float(value)
        return self._opened

    def get(self, prop: int, /) -> float:
        """Return a property, 0.0 when unknown or not open."""
        return self.settings.get(prop, 0.0) if self._opened else 0.0

    def read(self) -> tuple[bool, BgrImage | None]:
        """Return (True, uint8 (H, W, 3)), waiting for the next frame, or (False, None).

        Raises RuntimeError after `release`: OpenCV may crash when that races with a read.
        """
        if self.released:
            raise RuntimeError("read after release")
        delivering = self._camera.delivering.wait(BLOCKED_READ_S)
        if not (delivering and self.attached):
            return False, None
        time.sleep(self._camera.period_s)
        self._frames += 1
        width = int(self.get(cv2.CAP_PROP_FRAME_WIDTH) or 640)
        height = int(self.get(cv2.CAP_PROP_FRAME_HEIGHT) or 480)
        frame = np.full((height, width, 3), self._frames % 200, np.uint8)
        frame[0, 0] = 255  # the upper left corner of the scene
        return True, frame if self._converts() else self._encoded(frame)

    def _converts(self) -> bool:
        """Whether OpenCV decodes the camera's format. For MJPG it can be told not to."""
        is_mjpg = int(self.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*"MJPG")
        return not (is_mjpg and self.settings.get(cv2.CAP_PROP_CONVERT_RGB) == 0)

    def _encoded(self, frame: BgrImage) -> BgrImage:
        """Return the camera's bytes, uint8 (1, N): a JPEG, then what the buffer held before."""
        jpeg = simplejpeg.encode_jpeg(frame, 95, colorspace="BGR", colorsubsampling="444")
        if self._camera.damage is not None:
            jpeg = self._camera.damage(self._frames, jpeg)
        return np.frombuffer(jpeg + bytes(64), np.uint8)[np.newaxis]

    def release(self) -> None:
        """Close the handle; allowed twice, as OpenCV allows it."""
        self._camera.may_release.wait()
        self._opened = False
        self.released = True
