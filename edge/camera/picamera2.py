"""The Pi camera, through picamera2 (Raspberry Pi OS's own package, built on libcamera).

API: picamera2 0.3.21 (July 2024, the first with a time limit on a capture) to 0.3.38; its manual is
https://datasheets.raspberrypi.com/camera/picamera2-manual.pdf
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import CancelledError
from typing import Any, NamedTuple

import numpy as np

from edge.camera.orientation import oriented
from edge.camera.picamera2_controls import lens_controls, sensor_age_s, widest_mode
from edge.config import CameraConfig
from edge.datatypes import BgrImage, Frame
from edge.errors import (
    CameraError,
    CameraNotFound,
    CameraStalled,
    EdgeError,
    PackageMissing,
)

log = logging.getLogger(__name__)

_FORMAT = "RGB888"
"""libcamera's little-endian name for bytes in the order B, G, R."""


class Driver(NamedTuple):
    """The parts of the two packages that are used; tests pass fakes."""

    camera: Any
    """picamera2.Picamera2"""
    transform: Any
    """libcamera.Transform"""


class PiCamera:
    """FrameSource of one camera that libcamera lists."""

    def __init__(
        self, config: CameraConfig, number: int = 0, *, driver: Driver | None = None
    ) -> None:
        """Open Pi camera `number` and start it.

        Raises PackageMissing without picamera2, CameraNotFound when there is no camera or another
        program uses it, ConfigError for a focus or exposure that it cannot do.
        """
        driver = driver or import_driver()
        _refuse_old(driver.camera)
        model = _model(driver.camera, number)
        self.name = f"Pi camera {number} ({model})"
        self._config = config
        self._closed = threading.Event()
        self._closing = threading.Lock()
        self._buffers = threading.Lock()
        self._seq = -1
        self._camera = _open(driver.camera, number, self.name)
        try:
            self._start(config, driver.transform, model)
        except EdgeError:
            self._camera.close()
            raise
        except Exception as exc:
            self._camera.close()
            raise CameraNotFound(
                f"{self.name}: cannot start at {_requested(config)}: {exc}"
            ) from exc

    def _start(self, config: CameraConfig, transform: Any, model: str) -> None:
        self._camera.configure(_configuration(self._camera, config, transform))
        given = self._camera.camera_configuration()["main"]["format"]
        if given != _FORMAT:
            raise CameraNotFound(f"{self.name}: gives {given} where {_FORMAT} is needed")
        # The limits of a control are those of the sensor mode that was just chosen.
        self._camera.set_controls(lens_controls(config, self._camera.camera_controls, model))
        self._camera.start()

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame the sensor finishes. See FrameSource."""
        if self._closed.is_set():
            raise CameraError(f"{self.name}: closed")
        try:
            request = self._camera.capture_request(wait=timeout_s)
        except TimeoutError as exc:
            # The unanswered job would take a frame from the next read.
            self._camera.cancel_all_and_flush()
            message = f"{self.name}: no frame for {timeout_s:g} s; check its ribbon cable"
            raise CameraStalled(message) from exc
        except (CancelledError, RuntimeError) as exc:
            raise CameraError(f"{self.name}: stopped: {exc or 'closed'}") from exc
        bgr, captured_at_s = self._taken_from(request)
        self._seq += 1
        if _is_on_its_side(self._config):
            bgr = oriented(bgr, self._config.rotate_deg, mirror=self._config.mirror)
        return Frame(bgr=bgr, seq=self._seq, captured_at_s=captured_at_s)

    def _taken_from(self, request: Any) -> tuple[BgrImage, float]:
        """Return a copy of the request's frame and its time, and release its buffer."""
        with self._buffers:  # closing unmaps the buffers
            try:
                if self._closed.is_set():
                    raise CameraError(f"{self.name}: closed")
                captured_at_s = _captured_at_s(request.get_metadata())
                bgr = np.array(request.make_array("main"), dtype=np.uint8, order="C", copy=True)
                return bgr, captured_at_s
            finally:
                request.release()

    def close(self) -> None:
        """Cancel a pending read and release the camera. See FrameSource."""
        with self._closing:  # a second caller waits, and may open the camera afterwards
            if self._closed.is_set():
                return
            self._closed.set()
            self._camera.cancel_all_and_flush()
            with self._buffers:
                self._camera.close()


def import_driver() -> Driver:
    """Return the installed packages' classes. Raises PackageMissing without them."""
    try:
        from libcamera import Transform  # noqa: PLC0415 (only on a Pi)
        from picamera2 import Picamera2  # noqa: PLC0415
    except ImportError as exc:
        raise PackageMissing(
            f"Pi camera: the picamera2 package cannot be imported ({exc}); "
            "run `sudo apt install python3-picamera2` and create the virtual environment "
            "with --system-site-packages"
        ) from exc
    return Driver(Picamera2, Transform)


def _refuse_old(camera_class: Any) -> None:
    """Raise PackageMissing for a picamera2 that would wait forever on a camera that hangs."""
    if not hasattr(camera_class, "cancel_all_and_flush"):
        raise PackageMissing(
            "Pi camera: this picamera2 is from before July 2024 and cannot time a camera out; "
            "run `sudo apt update` and `sudo apt install python3-picamera2`"
        )


def pi_cameras(camera_class: Any) -> dict[int, str]:
    """Return the model of each Pi camera by its number."""
    # libcamera lists USB cameras too, but not in a format that is used here.
    return {
        number: str(info.get("Model", "unknown"))
        for number, info in enumerate(camera_class.global_camera_info())
        if "/usb" not in info["Id"]
    }


def _model(camera_class: Any, number: int) -> str:
    """Return the model of Pi camera `number`. Raises CameraNotFound when there is none."""
    found = pi_cameras(camera_class)
    if not found:
        raise CameraNotFound(
            "Pi camera: none is attached; check its cable, then run `rpicam-hello --list-cameras`"
        )
    if number not in found:
        models = ", ".join(f"picamera2:{n} ({model})" for n, model in found.items())
        raise CameraNotFound(f"picamera2:{number}: there is no such camera; found {models}")
    return found[number]


def _open(camera_class: Any, number: int, name: str) -> Any:
    try:
        return camera_class(number)
    except RuntimeError as exc:
        reason = exc.__cause__ or exc  # "did not complete", whose cause is the reason
        raise CameraNotFound(
            f"{name}: cannot be opened ({reason}); does another program use it?"
        ) from exc


def _configuration(camera: Any, config: CameraConfig, transform: Any) -> Any:
    # Its hardware cannot turn by 90 degrees; then `oriented` mirrors, too.
    upside_down = config.rotate_deg == 180
    mirror = config.mirror and not _is_on_its_side(config)
    # A shutter that is open for longer than a frame's time needs longer frames.
    fps = min(config.fps, 1000 / config.exposure_ms) if config.exposure_ms else config.fps
    size = (config.width, config.height)
    mode = widest_mode(_modes(camera), size, fps)
    return camera.create_video_configuration(
        main={"format": _FORMAT, "size": size},
        raw={} if mode is None else dict(mode),  # selects the mode; the raw stream is not read
        transform=transform(hflip=upside_down != mirror, vflip=upside_down),
        controls={"FrameRate": fps},
        queue=False,  # a request returns a frame that is exposed after it
    )


def _is_on_its_side(config: CameraConfig) -> bool:
    return config.rotate_deg in (90, 270)


def _modes(camera: Any) -> list[dict[str, Any]]:
    """Return the sensor's modes, an empty list when they cannot be listed."""
    try:
        # It tries every mode, and the largest may need more memory than the board has.
        return list(camera.sensor_modes)
    except Exception as exc:
        log.warning(
            "Pi camera: cannot list its sensor modes (%s); the field of view may be smaller", exc
        )
        return []


def _captured_at_s(metadata: dict[str, Any]) -> float:
    now_s, boot_s = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)
    return now_s - sensor_age_s(metadata.get("SensorTimestamp"), now_s, boot_s)


def _requested(config: CameraConfig) -> str:
    return f"{config.width}x{config.height}, {config.fps} fps"
