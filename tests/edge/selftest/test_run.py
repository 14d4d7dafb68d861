"""The run with the camera: the device's own service on fake cameras and the demo scene."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge.camera.auto import Hardware
from edge.camera.fake_v4l2 import FakeUsbCamera
from edge.camera.v4l2 import V4l2Camera
from edge.config import Config, load_config
from edge.selftest import run as run_module
from edge.selftest.run import observe
from edge.selftest.step import Outcome


def settings(source: str, **camera: Any) -> Config:
    return load_config(overrides={"camera": {"source": source, **camera}})


def usb(camera: FakeUsbCamera) -> Hardware:
    return Hardware(open_usb=partial(V4l2Camera, open_capture=camera.open))


def test_the_demo_has_a_size_a_rate_and_faces():
    told: list[str] = []
    step, figures = observe(settings("demo"), 1.5, told.append)
    assert step.outcome is Outcome.PASS, step.message
    assert step.message.startswith("demo scene: 640x480, ")
    assert figures["frame_size"] == (640, 480)
    assert figures["processed_fps"] > 0
    assert figures["camera_fps"] >= figures["processed_fps"]
    assert figures["seconds"] >= 1.5
    assert told[-1].startswith("minute 1: ")


def test_a_run_can_be_ended_early():
    camera = FakeUsbCamera(0)
    step, figures = observe(
        settings("v4l2:0"), 600.0, print, hardware=usb(camera), ends=lambda stop: stop()
    )
    assert figures["seconds"] < 600
    assert (step.outcome, step.message) == (Outcome.FAIL, "v4l2:0: no frame passed every stage")


def test_a_camera_that_is_unplugged_is_a_failure_with_its_number_of_losses():
    camera = FakeUsbCamera(0)
    hardware = usb(camera)
    open_usb = hardware.open_usb

    def opened(config: Any, index: int) -> Any:
        source = open_usb(config, index)
        read, frames = source.read, iter(range(10**6))

        def read_some(timeout_s: float) -> Any:
            frame = read(timeout_s)
            if next(frames) == 3:
                camera.unplug()
            return frame

        source.read = read_some  # type: ignore[method-assign]
        return source

    step, figures = observe(
        settings("v4l2:0", stall_s=0.5, give_up_s=1.5),
        60.0,
        print,
        hardware=Hardware(open_usb=opened),
    )
    assert step.outcome is Outcome.FAIL
    assert "no frame for 2 s" in step.message
    assert figures["times_lost"] == 1
    assert figures["frame_size"] == (640, 480)


def test_a_camera_that_a_program_holds_says_what_to_stop(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run_module, "camera_holders", lambda _root: ["python3 (17)"])
    step, figures = observe(settings("v4l2:0"), 1.0, print, hardware=usb(FakeUsbCamera(5)))
    assert step.outcome is Outcome.FAIL
    assert "Used by python3 (17); `sudo systemctl stop emotion-edge`" in step.message
    assert figures["frame_size"] is None


def test_the_address_of_a_network_camera_and_a_path_are_not_told(tmp_path: Path):
    for source in ("http://127.0.0.1:9/se-cret", f"file:{tmp_path}/se-cret.mp4"):
        step, _ = observe(settings(source), 1.0, print)
        assert step.outcome is Outcome.FAIL
        assert step.message == "CameraNotFound: `emotion-edge doctor` says more"


def test_a_model_that_is_missing_is_a_failure():
    config = load_config(overrides={"classifier": {"model": "/no/se-cret.tflite"}})
    step, _ = observe(config, 1.0, print)
    assert step.outcome is Outcome.FAIL
    assert step.message == "ModelError: `emotion-edge doctor` says more"
