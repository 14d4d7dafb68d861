"""From the `[camera] source` setting to an open camera."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from edge.camera.demo.scene import DemoScene
from edge.camera.http_camera import open_http
from edge.camera.orientation import OrientedSource
from edge.camera.picamera2 import PiCamera
from edge.camera.replay import ImageReplay, VideoReplay
from edge.camera.rtsp_camera import open_rtsp
from edge.camera.source import FIRST_FRAME_S, FrameSource, close_in_background
from edge.camera.usb_names import camera_number
from edge.camera.v4l2 import V4l2Camera, usb_cameras
from edge.config import CameraConfig
from edge.errors import (
    CameraError,
    CameraNotFound,
    ConfigError,
    MediaError,
    PackageMissing,
    UsageError,
)
from edge.files import expanded

LAST_CAMERA = 2**20 - 1
"""Linux counts the devices of a driver with 20 bits (MINORBITS in include/linux/kdev_t.h)."""

CLOSE_S = 1.0
"""How long to wait for a camera that hangs to close before the next camera is tried."""


_SHORTEST_NAME = 3  # of a USB camera; the settings refuse a shorter one
_TURN_THEMSELVES = ("auto", "picamera2", "v4l2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """The functions that find and open hardware cameras; tests pass fakes."""

    open_pi: Callable[[CameraConfig, int], FrameSource] = PiCamera
    open_usb: Callable[[CameraConfig, int], FrameSource] = V4l2Camera
    usb_devices: Callable[[], Sequence[int]] = usb_cameras
    usb_number: Callable[[str], int] = camera_number
    open_http: Callable[[CameraConfig], FrameSource] = open_http
    open_rtsp: Callable[[CameraConfig], FrameSource] = open_rtsp


def counting_hardware(corrupt: Callable[[], None]) -> Hardware:
    """Return the machine's cameras; `corrupt` is called for each frame that cannot be decoded."""
    return Hardware(
        open_usb=partial(V4l2Camera, corrupt=corrupt),
        open_http=partial(open_http, corrupt=corrupt),
    )


def open_source(config: CameraConfig, hardware: Hardware | None = None) -> FrameSource:
    """Open the camera that `config.source` names.

    Raises CameraNotFound for a missing camera and for an unreadable file or folder, UsageError for
    a source that default.toml does not list and for a setting that the camera does not support.
    """
    try:
        return _oriented(config, hardware or Hardware())
    except MediaError as exc:
        # A file may come back as a camera may, and a run waits for both.
        raise CameraNotFound(str(exc)) from exc


def _oriented(config: CameraConfig, hardware: Hardware) -> FrameSource:
    """Open the source, and turn its frames if it does not do so itself."""
    kind, _, value = config.source.partition(":")
    opens = {"http": hardware.open_http, "https": hardware.open_http, "rtsp": hardware.open_rtsp}
    source = opens[kind](config) if kind in opens else _opened(config, kind, value, hardware)
    if kind in _TURN_THEMSELVES or not (config.rotate_deg or config.mirror):
        return source
    return OrientedSource(source, config)


def _opened(config: CameraConfig, kind: str, value: str, hardware: Hardware) -> FrameSource:
    match kind:
        case "auto":
            return _first_that_delivers(config, hardware)
        case "demo":
            return DemoScene((config.width, config.height), config.fps)
        case "picamera2":
            return hardware.open_pi(config, _number(config.source, value or "0"))
        case "v4l2":
            return hardware.open_usb(config, _usb_number(config.source, value, hardware))
        case "file":
            return VideoReplay(expanded(value))
        case "images":
            return ImageReplay(expanded(value))
    raise UsageError(
        f"source {config.source!r}: expected auto, demo, picamera2, v4l2:N, v4l2:NAME, file:PATH, "
        "images:DIR, rtsp://... or http://..."
    )


def _number(source: str, digits: str) -> int:
    """Return a camera's number. Raises UsageError for a number outside Linux's range."""
    if not re.fullmatch(r"[0-9]{1,7}", digits) or int(digits) > LAST_CAMERA:
        raise UsageError(
            f"source {source[:40]!r}: a camera's number is 0 to {LAST_CAMERA}; see /dev/video*"
        )
    return int(digits)


def _usb_number(source: str, value: str, hardware: Hardware) -> int:
    is_name = len(value) >= _SHORTEST_NAME and not value.isdecimal()
    return hardware.usb_number(value) if is_name else _number(source, value)


def _first_that_delivers(config: CameraConfig, hardware: Hardware) -> FrameSource:
    """Return the Pi camera or else the first USB camera that gives a frame."""
    reasons = []
    try:
        return hardware.open_pi(config, 0)
    except (CameraError, PackageMissing) as exc:
        reasons.append(str(exc))
    devices = hardware.usb_devices()
    for index in devices:
        try:
            return _delivering(hardware.open_usb(config, index))
        except (CameraError, ConfigError) as exc:
            # A setting for the Pi camera becomes valid when that camera is back.
            reasons.append(str(exc))
    if not devices:
        reasons.append("USB camera: none is plugged in")
    raise CameraNotFound(
        f"no camera found. {'. '.join(reasons)}. "
        "Plug one in, or run the demo: `emotion-edge run --source demo`"
    )


def _delivering(source: FrameSource) -> FrameSource:
    try:
        source.read(FIRST_FRAME_S)
    except CameraError:
        close_in_background(source).wait(CLOSE_S)
        raise
    return source
