"""What a Pi camera's lens, shutter and clock are asked and say. Arithmetic only, no I/O here.

Names and units of the controls: https://libcamera.org/api-html/namespacelibcamera_1_1controls.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.config import CameraConfig
from edge.errors import ConfigError

MANUAL_FOCUS, CONTINUOUS_FOCUS = 0, 2
"""libcamera's AfModeEnum; a lens does nothing until told which."""

_OLDEST_S = 2.0
"""A sensor's time further from now than this is of some other clock."""

Limits = Mapping[str, tuple[Any, Any, Any]]
"""(minimum, maximum, default) of each control that a camera has."""


def lens_controls(config: CameraConfig, limits: Limits, model: str) -> dict[str, Any]:
    """Return the controls that give the focus and exposure of `config`.

    Raises ConfigError for what this camera, called `model`, cannot do.
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
    """Fix the shutter alone: `AeEnable` false would freeze the gain as well, in any light."""
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
