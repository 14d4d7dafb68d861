"""Picamera2 without a Pi: its methods, its order of calls, and its ways to fail.

Only what the real class of picamera2 0.3.38 has is here, under the same names and arguments.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from typing import Any, ClassVar

import numpy as np

from edge.datatypes import BgrImage

Configuration = dict[str, Any]


class FakeTransform:
    """libcamera.Transform, whose arguments are numbers or truths given by name."""

    def __init__(self, *, rotation: int = 0, hflip: int = 0, vflip: int = 0, transpose: int = 0):
        if rotation % 90:
            raise ValueError("Invalid rotation")
        self.hflip, self.vflip, self.transpose = bool(hflip), bool(vflip), bool(transpose)


def sensor_mode(
    size: tuple[int, int], fps: float, crop: tuple[int, int, int, int], bits: int = 10
) -> dict[str, Any]:
    """Return one entry of `sensor_modes`: `crop` is the part of the sensor that it reads."""
    return {
        "format": f"SRGGB{bits}_CSI2P",
        "unpacked": f"SRGGB{bits}",
        "bit_depth": bits,
        "size": size,
        "fps": fps,
        "crop_limits": crop,
        "exposure_limits": (26, 112015),
    }


_STREAM_KEYS = {"format", "size", "stride", "preserve_ar"}
_MODE_KEYS = {"bit_depth", "crop_limits", "exposure_limits", "fps", "unpacked"}


class FakePicamera2:
    """The camera. Class attributes say what is attached; tests change them in a subclass.

    `stall` stops the sensor, so that a capture with a time limit raises TimeoutError and one
    without waits until it is cancelled; `resume` starts it again.
    """

    attached: ClassVar[list[dict[str, Any]]] = [
        {"Model": "imx708", "Id": "/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a", "Num": 0}
    ]
    available_controls: ClassVar[dict[str, tuple[Any, Any, Any]]] = {
        "FrameDurationLimits": (8333, 220417486, None),
        "ExposureTime": (26, 220416802, None),
        "AfMode": (0, 2, 0),
        "LensPosition": (0.0, 15.0, 1.0),
    }
    modes: ClassVar[list[dict[str, Any]]] = [
        sensor_mode((1536, 864), 120.13, (768, 432, 3072, 1728)),
        sensor_mode((2304, 1296), 56.03, (0, 0, 4608, 2592)),
        sensor_mode((4608, 2592), 14.35, (0, 0, 4608, 2592)),
    ]
    busy: ClassVar[bool] = False
    """Another program holds the camera."""
    latency_s: ClassVar[float] = 0.02
    """From the light on the sensor to the finished request."""
    formats: ClassVar[frozenset[str]] = frozenset({"RGB888", "BGR888", "XRGB8888", "XBGR8888"})

    def __init__(self, camera_num: int = 0) -> None:
        if camera_num >= len(self.attached):
            raise RuntimeError(f"No camera number {camera_num} found")
        if self.busy:
            cause = RuntimeError("failed to acquire camera: Device or resource busy")
            raise RuntimeError("Camera __init__ sequence did not complete.") from cause
        self.camera_num = camera_num
        self.is_open = True
        self.started = False
        self.camera_config: Configuration = {}
        self.controls: Configuration = {}
        self.unreleased = 0
        self.frames = 0
        self._sensor = threading.Condition()
        self._stalled = False
        self._job = 0
        """Raised by every cancel: a capture begun under an older number is cancelled."""
        self._forgotten_jobs = 0

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        """Return one dictionary for each attached camera, USB cameras last."""
        return sorted(cls.attached, key=lambda camera: "/usb" in camera["Id"])

    @property
    def camera_controls(self) -> dict[str, tuple[Any, Any, Any]]:
        """(minimum, maximum, default) of each control; empty once closed."""
        return dict(self.available_controls) if self.is_open else {}

    @property
    def sensor_modes(self) -> list[dict[str, Any]]:
        """What the sensor can do; reading it configures the camera, so only before the start."""
        self._require_open()
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        return [dict(mode) for mode in self.modes]

    def create_video_configuration(
        self,
        main: Configuration | None = None,
        *,
        raw: Configuration | None = None,
        transform: FakeTransform | None = None,
        buffer_count: int = 6,
        controls: Configuration | None = None,
        queue: bool = True,
    ) -> Configuration:
        """Return a configuration; the main stream's width is made even, as the real one does."""
        self._require_open()
        stream: Configuration = {"format": "XBGR8888", "size": (1280, 720)} | (main or {})
        width, height = stream["size"]
        stream["size"] = (width - width % 2, height - height % 2)
        if unknown := set(raw or {}) - _STREAM_KEYS - _MODE_KEYS:
            raise ValueError(f"Bad key {unknown.pop()!r}")
        return {
            "use_case": "video",
            "raw": {k: v for k, v in (raw or {}).items() if k in _STREAM_KEYS},
            "transform": transform or FakeTransform(),
            "main": stream,
            "buffer_count": buffer_count,
            "controls": dict(controls or {}),
            "queue": queue,
        }

    def configure(self, camera_config: Configuration) -> None:
        """Apply a configuration; refused while running."""
        self._require_open()
        if self.started:
            raise RuntimeError("Camera must be stopped before configuring")
        if not isinstance(camera_config["transform"], FakeTransform):
            raise RuntimeError("Transform has incorrect type")  # noqa: TRY004 (as the real one)
        self.camera_config = {**camera_config, "main": dict(camera_config["main"])}
        if camera_config["main"]["format"] not in self.formats:
            self.camera_config["main"]["format"] = min(self.formats)  # libcamera adjusts
        self.controls = {}
        self.set_controls(camera_config["controls"])

    def camera_configuration(self) -> Configuration:
        """Return the configuration in effect, which may differ from the one asked for."""
        return self.camera_config

    def set_controls(self, controls: Configuration) -> None:
        """Set controls for the start or, while running, for a later frame."""
        self._require_open()
        for name, value in controls.items():
            if name not in self.available_controls and name != "FrameRate":
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
            self.controls[name] = value

    def start(self) -> None:
        """Start the sensor; needs a configuration."""
        self._require_open()
        if not self.camera_config:
            raise RuntimeError("Camera has not been configured")
        self.started = True

    def capture_request(self, wait: bool | float | None = None) -> FakeRequest:
        """Return the next finished frame, to be released.

        Raises TimeoutError after `wait` seconds (None or True: never), CancelledError when
        cancelled meanwhile. A capture that timed out stays queued and takes a later frame, until
        `cancel_all_and_flush`.
        """
        self._require_open()
        if not self.started:
            raise RuntimeError("capture before start: the real camera waits forever")
        if self.unreleased >= self.camera_config["buffer_count"]:
            raise RuntimeError("every buffer is held: the real camera waits forever")
        timeout_s = None if wait is None or wait is True else float(wait)
        with self._sensor:
            job = self._job
            answered = self._sensor.wait_for(
                lambda: self._job != job or not (self._stalled or self._forgotten_jobs), timeout_s
            )
            if self._job != job:
                raise CancelledError
            if not answered:
                self._forgotten_jobs += 1
                raise TimeoutError
            self.frames += 1
            self.unreleased += 1
            return FakeRequest(self, self.frames)

    def cancel_all_and_flush(self) -> None:
        """Cancel every capture under way."""
        with self._sensor:
            self._job += 1
            self._forgotten_jobs = 0
            self._sensor.notify_all()

    def stop(self) -> None:
        """Stop the sensor; nothing happens when it is not running."""
        self.started = False

    def close(self) -> None:
        """Stop and give the camera back; allowed twice."""
        self.stop()
        self.is_open = False

    def stall(self) -> None:
        """Deliver nothing more, as when the ribbon cable comes loose."""
        with self._sensor:
            self._stalled = True

    def resume(self) -> None:
        """Deliver again."""
        with self._sensor:
            self._stalled = False
            self._sensor.notify_all()

    def _require_open(self) -> None:
        if not self.is_open:
            raise RuntimeError("Camera is closed")


class FakeRequest:
    """A finished frame that lends out one of the camera's buffers until `release`."""

    def __init__(self, camera: FakePicamera2, number: int) -> None:
        self._camera = camera
        width, height = camera.camera_config["main"]["size"]
        self._buffer: BgrImage = np.zeros((height, width, 3), np.uint8)
        self._buffer[..., 0] = 255  # blue first: "RGB888" is B, G, R in memory
        self._buffer[..., 1] = number % 256
        transform = camera.camera_config["transform"]
        # Something red in the corner that is the upper left one of the scene.
        self._buffer[-1 if transform.vflip else 0, -1 if transform.hflip else 0] = (0, 0, 255)
        self._released = False
        self._began_ns = time.monotonic_ns() - round(camera.latency_s * 1e9)

    def make_array(self, name: str) -> BgrImage:
        """Return the frame of the stream, uint8 (H, W, 3), overwritten after `release`."""
        if self._released or name not in self._camera.camera_config:
            raise RuntimeError(f"Stream {name!r} is not defined")
        return self._buffer

    def get_metadata(self) -> dict[str, Any]:
        """Return what the sensor says of this frame, its time in nanoseconds."""
        if self._released:
            raise AssertionError("the request was released")
        return {"SensorTimestamp": self._began_ns, "ExposureTime": 10_000}

    def release(self) -> None:
        """Give the buffer back, once."""
        if self._released:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        self._released = True
        self._camera.unreleased -= 1
        self._buffer[:] = 99
