"""What is told of the camera: its state, and why."""

import re
import threading
from dataclasses import replace

import pytest
from service_device import CAMERA, Device, live_device
from waiting import eventually

from edge.camera.v4l2 import V4l2Camera
from edge.camera_condition import CameraFault, Signs, condition, given_up
from edge.config import load_config
from edge.datatypes import CameraState, Frame
from edge.errors import CameraError, CameraStalled

device = pytest.fixture(live_device)


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("v4l2:0", "check the camera's cable"),
        ("file:party.mp4", "check that it exists and is whole"),
        ("images:/srv/images", "check that it exists and is whole"),
    ],
)
def test_the_last_word_helps_with_this_source(source: str, advice: str) -> None:
    config = load_config(None, {"camera": {"source": source}}).camera
    gone = CameraFault.of(CameraError("x: gone"))
    signs = Signs(name="x", pausing_for_s=None, on=True, age_s=None, silent_s=60, fault=gone)
    assert given_up(signs, config) == f"x: no frame for 60 s (gone); {advice}"
    stall = CameraFault.of(CameraStalled("x: no frame for 2 s; is it plugged in?"))
    for says_no_more in (stall, None):
        silent = replace(signs, fault=says_no_more)
        assert given_up(silent, config) == f"x: no frame for 60 s; {advice}"


def test_a_camera_that_delivers_is_not_blamed_for_an_inference_that_hangs() -> None:
    device = Device(load_config(None, {"camera": {"stall_s": 30.0, "give_up_s": 60.0}}).camera)
    may_go_on = threading.Event()
    device.stage.hold = may_go_on.wait
    device.thread.start()
    try:
        eventually(lambda: device.stage.is_held)
        for step_s in (20, 20, 21):
            device.let_pass(step_s)  # frames arrive meanwhile
        eventually(lambda: device.error is not None)
    finally:
        may_go_on.set()
        device.thread.join(5)
    assert str(device.error) == (
        "USB camera 0 (/dev/video0): delivers frames, and none was processed for 60 s; "
        "this machine is too busy or too slow: close other programs, see `emotion-edge bench`"
    )


def test_frames_that_nothing_works_on_are_no_missing_frames() -> None:
    signs = Signs(
        name="x", pausing_for_s=None, on=True, age_s=9, silent_s=9, arrived_s=0.1, fault=None
    )
    told = "x: delivers frames, and none was processed for 9 s"
    assert condition(signs, CAMERA) == (CameraState.LOST, told)
    assert condition(replace(signs, arrived_s=9), CAMERA)[1] == "x: no frame for 9 s"


def test_pictures_that_come_too_late_are_no_live_ones(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.stage.pause_s = 0.8
    health = device.service.health

    def is_late() -> bool:
        now = health()
        late = re.fullmatch(r"USB camera 0 .*: frames arrive [0-9.]+ s late", now.detail)
        return late is not None and now.camera is CameraState.LOST

    eventually(is_late)


def test_a_frame_of_the_future_is_not_live_until_then() -> None:
    device = Device()

    class Ahead(V4l2Camera):
        def read(self, timeout_s: float) -> Frame:
            frame = super().read(timeout_s)
            return replace(frame, captured_at_s=frame.captured_at_s + 3600)

    device.service._camera._open_source = lambda: Ahead(CAMERA, 0, open_capture=device.usb.open)
    device.thread.start()
    try:
        eventually(device.camera_is(CameraState.LIVE))
        device.usb.stall()
        eventually(device.camera_is(CameraState.LOST), 3)
    finally:
        device.usb.resume()
        device.end()


@pytest.mark.parametrize("state", list(CameraState))
def test_no_state_is_said_twice(device: Device, state: CameraState) -> None:
    """The detail stands behind the state wherever both are told."""
    eventually(device.camera_is(CameraState.LIVE))
    if state is CameraState.LOST:
        device.usb.unplug()
    if state is CameraState.STARTING:
        device.may_open.clear()
        device.service.pause()
        device.service.resume()
    if state is CameraState.PAUSING:
        device.usb.may_release.clear()
        threading.Thread(target=device.service.pause).start()
    if state is CameraState.PAUSED:
        device.service.pause()
    try:
        eventually(device.camera_is(state))
        assert str(state) not in device.service.health().detail
    finally:
        device.may_open.set()
        device.usb.may_release.set()
