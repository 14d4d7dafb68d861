"""The machine and the versions that a measurement was made with."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from edge import __version__

_PACKAGES = ("ai-edge-litert", "tflite-runtime", "numpy", "opencv-python-headless", "simplejpeg")


def machine() -> dict[str, Any]:
    """Return what identifies this machine, its load, and the versions in use."""
    return {
        "model": _model(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "system": _system(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "versions": {
            "emotion-edge": __version__,
            "python": platform.python_version(),
            **_versions(),
        },
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _model() -> str:
    """Return a board's name, as "Raspberry Pi 5 Model B Rev 1.0"; "" where there is none."""
    return _text("/proc/device-tree/model").rstrip("\0")


def _processor() -> str:
    for line in _text("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in ("model name", "hardware"):
            return value.strip()
    return platform.processor() or "unknown"


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", errors="replace")
    except OSError:
        return ""
