"""Runs the device's own capture and inference for some minutes, and observes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from edge.camera.auto import Hardware, open_source
from edge.camera_condition import is_file, is_network
from edge.config import Config
from edge.errors import CameraError, EdgeError, ModelError
from edge.models import load_vision
from edge.selftest.observer import Observer
from edge.selftest.step import Step, failed, passed
from edge.service import Service
from edge.system.board import ROOT
from edge.system.probe import camera_holders
from edge.system.thermal import ThermalMonitor

_STOP = "`sudo systemctl stop emotion-edge` stops the service"


def observe(
    config: Config,
    seconds: float,
    tell: Callable[[str], None],
    *,
    ends: Callable[[Callable[[], None]], None] = lambda _stop: None,
    hardware: Hardware | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Step, dict[str, Any]]:
    """Run the device without its page and LEDs; return the step `camera` and the figures.

    `ends` gets a function that ends the run early, which is no failure. `hardware` and `clock`
    replace the machine's in tests.
    """
    observer = Observer(lambda number, minute: tell(minute.line(number)), clock)
    try:
        service = Service(
            lambda: open_source(config.camera, hardware),
            load_vision(config).pipeline(config),
            observer,
            config.camera,
            vitals=ThermalMonitor(config.thermal).vitals,
        )
        ends(service.stop)
        _run_for(service, seconds, tell)
    except EdgeError as exc:
        observer.end()
        return failed("camera", _explained(exc, config)), observer.figures()
    observer.end()
    return _judged(observer, _source(config, service)), observer.figures()


def _run_for(service: Service, seconds: float, tell: Callable[[str], None]) -> None:
    """Run it for `seconds` from the opening of the camera on."""
    end = threading.Timer(seconds, service.stop)
    end.daemon = True

    def opened() -> None:
        tell("The camera is open.")
        end.start()

    try:
        service.run(opened)
    finally:
        end.cancel()


def _judged(observer: Observer, source: str) -> Step:
    if observer.size is None:
        return failed("camera", f"{source}: no frame passed every stage")
    width, height = observer.size
    figures = observer.figures()
    message = f"{source}: {width}x{height}, {figures['processed_fps']} frames/s"
    if observer.losses:
        return failed("camera", f"{message}, lost {observer.losses} times")
    return passed("camera", message)


def _source(config: Config, service: Service) -> str:
    """Return the name of the source, without an address or a path, which may be private."""
    if is_network(config.camera):
        return "a network camera"
    return "a file" if is_file(config.camera) else service.report().health.source


def _explained(exc: EdgeError, config: Config) -> str:
    """Return why the run failed, without an address or a path, which may be private."""
    if isinstance(exc, ModelError) or is_network(config.camera) or is_file(config.camera):
        return f"{type(exc).__name__}: `emotion-edge doctor` says more"
    if isinstance(exc, CameraError) and (holders := camera_holders(ROOT)):
        return f"{exc}. Used by {', '.join(holders)}; {_STOP}"
    return str(exc)
