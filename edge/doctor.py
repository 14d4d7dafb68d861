"""`emotion-edge doctor`: checks the machine, the camera and the networks, one finding each."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from edge.camera.auto import Hardware, open_source
from edge.camera.source import FIRST_FRAME_S
from edge.camera_condition import is_file, is_network
from edge.config import Config
from edge.connection_checks import check_broker, check_hooks
from edge.datatypes import BBox, Track
from edge.errors import ConfigError, EdgeError, ModelError, PackageMissing, UsageError
from edge.leds.pins import BOARD_MODEL, check_button, is_raspberry_pi, wiring
from edge.models import load_classifier, load_detector, model_path
from edge.system.board import ROOT
from edge.system.checks import (
    Run,
    User,
    check_access,
    check_clock,
    check_disk,
    check_gpio,
    check_groups,
    check_packages,
    check_system,
    check_temperature,
    check_throttling,
    remedy_without,
)
from edge.system.commands import output_of
from edge.system.diagnostics import Finding, failed, passed, warned
from edge.system.probe import (
    Running,
    ask_device,
    camera_holders,
    check_port,
    running_camera,
    user_name,
)
from edge.vision.manifest import read_manifest

_ALWAYS_NEEDED = {
    "numpy": ("numpy",),
    "OpenCV": ("opencv-python-headless", "opencv-python", "opencv"),
    "LiteRT": ("ai-edge-litert", "tflite-runtime"),
    "simplejpeg": ("simplejpeg",),
    "msgspec": ("msgspec",),
    "tomli-w": ("tomli-w",),
    "Flask": ("flask",),
    "Werkzeug": ("werkzeug",),
    "itsdangerous": ("itsdangerous",),
    "cheroot": ("cheroot",),
    "paho-mqtt": ("paho-mqtt",),
    "prometheus-client": ("prometheus-client",),
}
_PACKAGES = _ALWAYS_NEEDED | {
    "picamera2": ("picamera2",),
    "gpiozero": ("gpiozero",),
    "lgpio": ("lgpio",),
    "cryptography": ("cryptography",),
}
_CHECKS = (
    *("system", "packages", "model", "face-detector", "camera", "groups", "gpio", "port"),
    *("access", "mqtt", "hooks", "temperature", "throttling", "disk", "clock"),
)
_CAMERAS = ("auto", "picamera2", "v4l2")  # the sources that are devices
_BLACK = 4  # the most brightness of a black frame, of 255

_Check = Callable[[], Finding]


def examine(
    config: Config,
    *,
    is_known: bool = True,
    root: Path = ROOT,
    hardware: Hardware | None = None,
    run: Run | None = None,
    ask: Callable[[], Running | None] | None = None,
    user: User | None = None,
) -> Iterator[Finding]:
    """Yield the findings one by one; the camera may take a few seconds.

    `is_known` is false when the device's settings could not be read and `config` is not them: what
    depends on them is then not checked. A running device holds the camera: its
    page is then asked for the camera's state. The other arguments replace this machine in tests.
    """
    run = run or output_of
    checks = _checks(config, root, run)
    if is_known:
        running = ask() if ask else ask_device(config.web)
        checks |= _checks_of_settings(config, root, hardware, running, user or _user())
    for check in _CHECKS:
        yield _run_check(check, checks.get(check, partial(_unexamined, check)))


def refused_settings(
    reason: ConfigError, file: Path, may_read: Callable[[Path], bool] | None = None
) -> Finding:
    """Return the finding for refused settings: `file` is wrong or unreadable for this user."""
    may_read = may_read or (lambda path: os.access(path, os.R_OK))
    if file.exists() and not may_read(file):
        return failed("config", str(reason), "sudo")
    return failed("config", str(reason), "config")


def _checks(config: Config, root: Path, run: Run) -> dict[str, _Check]:
    """Return the checks of the machine and the networks."""
    on_pi = _is_on_pi(root)
    return {
        "system": lambda: check_system(platform.machine(), sys.maxsize.bit_length() + 1),
        "packages": lambda: check_packages(root, _versions(), _needed(config, on_pi)),
        "model": lambda: _check_model(config),
        "face-detector": lambda: _check_detector(config),
        "temperature": lambda: check_temperature(root, config.thermal.hot_c),
        "throttling": partial(check_throttling, root, run),
        "disk": lambda: check_disk(shutil.disk_usage(root).free),
        "clock": partial(check_clock, root, run),
    }


def _checks_of_settings(
    config: Config, root: Path, hardware: Hardware | None, running: Running | None, user: User
) -> dict[str, _Check]:
    """Return the checks of the camera, the pins, the page and what the device connects to."""
    on_pi = _is_on_pi(root)
    return {
        "camera": lambda: (
            running_camera(running) if running else check_camera(config, root, hardware)
        ),
        "groups": lambda: check_groups(root, _groups(config, root, on_pi), user),
        "gpio": lambda: _check_pins(config, root, on_pi),
        "port": lambda: check_port(config.web, running, root),
        "access": lambda: check_access(config.web),
        "mqtt": lambda: check_broker(config),
        "hooks": lambda: check_hooks(config.hooks),
    }


def _is_on_pi(root: Path) -> bool:
    return is_raspberry_pi(root / BOARD_MODEL.relative_to("/"))


def _unexamined(check: str) -> Finding:
    return warned(check, "not checked: it depends on the settings", "settings")


def _run_check(check: str, check_it: _Check) -> Finding:
    try:
        return check_it()
    except Exception as exc:  # a check that fails to run must not end the report
        return failed(check, f"the check failed to run: {exc!r}", "doctor")


def _check_model(config: Config) -> Finding:
    try:
        classifier = load_classifier(config)
        black = np.zeros((480, 640, 3), np.uint8)
        track = Track(track_id=1, box=BBox(200, 100, 440, 340), keypoints=None, hits=1, missed=0)
        took_ms = []
        for _ in range(4):  # the first run takes longer, and other programs may delay any
            began_s = time.perf_counter()
            (scores,) = classifier.classify(black, [track])
            took_ms.append((time.perf_counter() - began_s) * 1000)
    except EdgeError as exc:
        return failed("model", str(exc), "model")
    name = model_path(config).name
    total = scores.probs.sum()
    if not np.isclose(total, 1, atol=0.02):
        return failed("model", f"{name}: its probabilities add up to {total:g}", "model")
    return passed(
        "model", f"{name}: {len(classifier.labels)} expressions, {min(took_ms):.0f} ms each"
    )


def _check_detector(config: Config) -> Finding:
    try:
        load_detector(config.detector).detect_still(np.zeros((480, 640, 3), np.uint8))
    except EdgeError as exc:
        return failed("face-detector", str(exc), "face-detector")
    return passed("face-detector", config.detector.kind)


def check_camera(config: Config, root: Path = ROOT, hardware: Hardware | None = None) -> Finding:
    """Open the camera and read a frame; when that fails, name the programs that use it."""
    try:
        with closing(open_source(config.camera, hardware)) as source:
            frame = source.read(FIRST_FRAME_S)
    except EdgeError as exc:
        return _refused_camera(exc, config, root)
    message = f"{source.name}: {frame.size[0]}x{frame.size[1]}"
    if frame.bgr.max() <= _BLACK:
        return warned("camera", f"{message}, all black", "camera-dark")
    return passed("camera", message)


def _refused_camera(exc: EdgeError, config: Config, root: Path) -> Finding:
    if isinstance(exc, PackageMissing):
        return failed("camera", str(exc), remedy_without(root, ("picamera2",)))
    if isinstance(exc, UsageError):
        return failed("camera", str(exc), "config")
    if is_file(config.camera):
        return failed("camera", str(exc), "camera-file")
    if is_network(config.camera):
        return failed("camera", str(exc), "camera-network")
    if holders := camera_holders(root):
        return failed("camera", f"{exc}. Used by {', '.join(holders)}", "camera-busy")
    return failed("camera", str(exc), "camera")


def _check_pins(config: Config, root: Path, on_pi: bool) -> Finding:
    try:
        if config.leds.mode != "off":
            labels = read_manifest(model_path(config).with_suffix(".json")).labels
            wiring(config.leds, labels)
            check_button(config.button, config.leds, labels)
    except ConfigError as exc:
        return failed("gpio", str(exc), "config")
    except ModelError:
        pass  # reported by its own check
    return check_gpio(root, used=_uses_pins(config), simulated=_simulated(config, on_pi))


def _groups(config: Config, root: Path, on_pi: bool) -> list[str]:
    """Return the groups that the camera and the pins require on this machine."""
    has_camera = on_pi or any((root / "dev").glob("video*"))
    wanted = []
    if has_camera and config.camera.source.partition(":")[0] in _CAMERAS:
        wanted.append("video")
    if _uses_pins(config) and not _simulated(config, on_pi):
        wanted.append("gpio")
    return wanted


def _user() -> User:
    uid = os.geteuid()
    return User(user_name(uid), uid, frozenset({os.getegid(), *os.getgroups()}))


def _simulated(config: Config, on_pi: bool) -> str:
    """Return why the pins are simulated, "" where they are real."""
    if not on_pi:
        return "this is no Raspberry Pi"
    return "leds.factory is mock" if config.leds.factory == "mock" else ""


def _uses_pins(config: Config) -> bool:
    return not config.leds.mode == config.button.mode == "off"


def _needed(config: Config, on_pi: bool) -> set[str]:
    """Return the packages without which these settings do not work here."""
    needed = set(_ALWAYS_NEEDED)
    if _uses_pins(config):
        needed |= {"gpiozero"} if _simulated(config, on_pi) else {"gpiozero", "lgpio"}
    if config.camera.source.startswith("picamera2"):
        needed.add("picamera2")
    if config.web.tls:
        needed.add("cryptography")
    return needed


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {"Python": platform.python_version()}
    for name, distributions in _PACKAGES.items():
        versions[name] = next(filter(None, map(_version, distributions)), None)
    return versions


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
