"""A camera that is unplugged, stalls or is missing: how it is told, and how it comes back."""

import re
import threading
import time

import pytest
from service_device import Device, live_device, told
from waiting import eventually

from edge.camera.fake_picamera2 import FakePicamera2, FakeTransform
from edge.camera.picamera2 import Driver, PiCamera
from edge.camera.source import FrameSource
from edge.config import load_config
from edge.datatypes import CameraState
from edge.errors import CameraError, CameraNotFound

device = pytest.fixture(live_device)


def test_an_unplugged_camera_is_reported_and_comes_back_by_itself(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.unplug()
    assert eventually(device.camera_is(CameraState.LOST)) < 2
    assert "camera 0" in device.service.health().detail
    time.sleep(1.5)
    device.usb.plug_back()
    eventually(device.camera_is(CameraState.LIVE))
    eventually(lambda: device.heard.states[-1] is CameraState.LIVE)
    assert CameraState.LOST in device.heard.states
    name = "camera: USB camera 0 (/dev/video0)"
    eventually(lambda: f"{name} is back" in told("camera:", caplog))
    lines = told("camera:", caplog)
    assert lines[0] == name
    assert re.fullmatch(re.escape(name) + ": .*; trying again", lines[1])
    assert lines[2:] == [f"{name} is back"]


def test_a_stalled_camera_is_reported_too(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.stall()
    assert eventually(device.camera_is(CameraState.LOST)) < 2
    device.usb.resume()
    eventually(device.camera_is(CameraState.LIVE))


def test_a_camera_gone_for_good_ends_the_run_with_its_error() -> None:
    device = Device(load_config(None, {"camera": {"stall_s": 0.5, "give_up_s": 1.5}}).camera)
    device.thread.start()
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.unplug()
    device.thread.join(8)
    assert isinstance(device.error, CameraError)
    assert "no frame for 2 s" in str(device.error)
    assert str(device.error).count("USB camera 0") == 1
    assert str(device.error).count("no frame") == 1


def test_as_shipped_it_waits_a_minute_for_the_camera_and_not_longer() -> None:
    device = Device(load_config().camera)
    device.thread.start()
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.unplug()
    assert eventually(device.camera_is(CameraState.LOST)) < 2
    for step_s in (20, 20, 10):
        device.let_pass(step_s)
        assert device.thread.is_alive()
    device.let_pass(11)
    device.thread.join(5)
    assert isinstance(device.error, CameraError)
    assert "no frame for 60 s" in str(device.error)


def test_time_in_which_the_device_itself_stood_still_is_no_silence_of_the_camera() -> None:
    device = Device(load_config().camera)
    may_go_on = threading.Event()
    device.thread.start()
    eventually(device.camera_is(CameraState.LIVE))
    device.stage.hold = may_go_on.wait  # no frame is finished meanwhile
    try:
        for step_s in (61, 200, -400):  # a stopped process goes on; so does a clock that jumped
            device.let_pass(step_s)
            assert device.thread.is_alive(), device.error
    finally:
        may_go_on.set()
    seen = len(device.stage.seqs)
    eventually(lambda: len(device.stage.seqs) > seen + 3)
    device.end()
    assert device.error is None


class LooseCable(FakePicamera2):
    """A Pi camera that opens and never delivers while `loose` is set, as a bad ribbon does."""

    loose = threading.Event()

    def __init__(self, camera_num: int = 0) -> None:
        super().__init__(camera_num)
        if self.loose.is_set():
            self.stall()


class PiDevice(Device):
    """The same with a Pi camera."""

    def open(self) -> FrameSource:
        self.pi = PiCamera(self.config, driver=Driver(LooseCable, FakeTransform))
        return self.pi


def test_a_pi_camera_whose_cable_came_loose_comes_back_by_itself() -> None:
    device = PiDevice()
    device.thread.start()
    try:
        eventually(device.camera_is(CameraState.LIVE))
        LooseCable.loose.set()
        device.pi._camera.stall()
        assert eventually(device.camera_is(CameraState.LOST)) < 2
        eventually(lambda: "ribbon cable" in device.service.health().detail)
        LooseCable.loose.clear()
        eventually(device.camera_is(CameraState.LIVE), 15)
    finally:
        LooseCable.loose.clear()
        device.end()
    assert device.error is None


def test_no_camera_at_the_start_is_an_error_at_once() -> None:
    device = Device()
    device.usb.unplug()
    with pytest.raises(CameraNotFound, match="/dev/video0"):
        device.service.run()
