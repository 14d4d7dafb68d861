"""The controls and metadata of a Pi camera: lens, shutter and clock. No I/O here.

Names and units of the controls: https://libcamera.org/api-html/namespacelibcamera_1_1controls.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge.config import CameraConfig
from edge.errors import ConfigError

MANUAL_FOCUS, CONTINUOUS_FOCUS = 0, 2
"""libcamera's AfModeEnum. A lens does not focus until a mode is set."""

_OLDEST_S = 2.0
"""A sensor's time that is further from now than this belongs to another clock."""

_WHOLE = 0.98
"""From this share of the sensor's widest view on, a mode shows all of it."""

Limits = Mapping[str, tuple[Any, Any, Any]]
"""(minimum, maximum, default) of each control that a camera has."""


def lens_controls(config: CameraConfig, limits: Limits, model: str) -> dict[str, Any]:
    """Return the controls that give the focus and exposure of `config`.

    Raises ConfigError for a setting that this camera, a `model`, does not support.
    """
    return _focus(config.focus_m, limits, model) | _exposure(config.exposure_ms, limits, model)


def _focus(focus_m: float, limits: Limits, model: str) -> dict[str, Any]:
    if not focus_m:
        return {"AfMode": CONTINUOUS_FOCUS} if "AfMode" in limits else {}
    nearest = float(limits.get("LensPosition", (0, 0, 0))[1])  # in dioptres, as all its positions
    if "AfMode" not in limits or not nearest:
        raise ConfigError(
            f"[camera] focus_m = {focus_m:g}: the lens of the {model} is fixed; set focus_m = 0"
        )
    if focus_m * nearest < 1:
        raise ConfigError(
            f"[camera] focus_m = {focus_m:g}: the {model} focuses from {1 / nearest:.2g} m on"
        )
    return {"AfMode": MANUAL_FOCUS, "LensPosition": 1 / focus_m}


def _exposure(exposure_ms: float, limits: Limits, model: str) -> dict[str, Any]:
    """Set the shutter time only: `AeEnable` false would fix the gain as well."""
    if not exposure_ms:
        return {}
    if "ExposureTime" not in limits:
        raise ConfigError(
            f"[camera] exposure_ms = {exposure_ms:g}: the {model} has no shutter time to set; "
            "set exposure_ms = 0"
        )
    shortest_us, longest_us, _ = limits["ExposureTime"]
    exposure_us = round(exposure_ms * 1000)
    if not shortest_us <= exposure_us <= longest_us:
        raise ConfigError(
            f"[camera] exposure_ms = {exposure_ms:g}: the {model} can do "
            f"{shortest_us / 1000:g} to {longest_us / 1000:g}"
        )
    return {"ExposureTime": exposure_us}


def widest_mode(
    modes: Sequence[Mapping[str, Any]], size: tuple[int, int], fps: float
) -> Mapping[str, Any] | None:
    """Return the sensor mode that sees the most, the smallest that gives `size` at `fps`.

    Left to itself picamera2 takes the mode nearest to `size`, which on a camera module 2 is a crop
    of the middle, 39% as wide as the lens sees. None where no mode says what it sees.
    """
    known = [mode for mode in modes if "crop_limits" in mode]
    most = max((_seen_px(mode) for mode in known), default=0)
    whole = [mode for mode in known if _seen_px(mode) >= _WHOLE * most]
    able = [
        mode
        for mode in whole
        if mode["fps"] >= fps and mode["size"][0] >= size[0] and mode["size"][1] >= size[1]
    ]
    if able:
        return min(able, key=lambda mode: (_output_px(mode), -mode["bit_depth"]))
    return max(whole, key=lambda mode: (mode["fps"], mode["bit_depth"]), default=None)


def _seen_px(mode: Mapping[str, Any]) -> int:
    _, _, width, height = mode["crop_limits"]
    return int(width * height)


def _output_px(mode: Mapping[str, Any]) -> int:
    width, height = mode["size"]
    return int(width * height)


def sensor_age_s(sensor_ns: int | None, monotonic_s: float, boottime_s: float) -> float:
    """Return how long ago the sensor began the frame that it stamped `sensor_ns`, in seconds.

    libcamera documents the stamp as CLOCK_BOOTTIME, drivers give CLOCK_MONOTONIC; the two differ
    by the time spent suspended. The clock that makes the frame a recent one is right; when
    neither does the stamp is not believed and the frame counts as new.
    """
    if sensor_ns is None:
        return 0.0
    ages_s = (clock_s - sensor_ns / 1e9 for clock_s in (monotonic_s, boottime_s))
    return next((age_s for age_s in ages_s if 0 <= age_s <= _OLDEST_S), 0.0)
