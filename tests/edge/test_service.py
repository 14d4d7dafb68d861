"""A service from its start to its end, and its pauses."""

import time

import pytest
from service_device import Device, live_device
from waiting import eventually

from edge.config import load_config
from edge.datatypes import CameraState

device = pytest.fixture(live_device)


def test_it_starts_runs_and_is_healthy(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    eventually(lambda: len(device.stage.seqs) > 10)
    health = device.service.health()
    assert health.healthy
    assert health.source == "USB camera 0 (/dev/video0)"
    assert health.age_s is not None
    assert health.age_s < 1
    assert device.service.scenes.get() is not None


def test_stop_closes_the_camera_within_two_seconds(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.service.stop()
    device.service.stop()
    assert eventually(lambda: not device.thread.is_alive()) < 2
    assert device.error is None
    eventually(lambda: all(not c.isOpened() for c in device.usb.captures))


def test_a_pause_closes_the_camera_and_forgets_what_it_saw(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.service.pause()
    device.service.pause()
    assert device.service.health().camera is CameraState.PAUSED
    assert all(capture.released for capture in device.usb.captures)
    assert device.heard.states[-1] is CameraState.PAUSED
    assert device.service.report().snapshot is None
    assert device.service.scenes.get() is None
    seen = len(device.stage.seqs)
    time.sleep(0.3)
    assert len(device.stage.seqs) == seen
    device.service.resume()
    device.service.resume()
    eventually(device.camera_is(CameraState.LIVE), 2)
    assert device.service.report().snapshot is not None


def test_a_long_pause_does_not_end_the_run() -> None:
    device = Device(load_config(None, {"camera": {"stall_s": 0.5, "give_up_s": 1.0}}).camera)
    device.thread.start()
    eventually(device.camera_is(CameraState.LIVE))
    device.service.pause()
    time.sleep(1.5)
    device.service.resume()
    eventually(device.camera_is(CameraState.LIVE), 2)
    device.end()
    assert device.error is None


def test_the_watchdog_hears_of_finished_frames_and_of_pauses_alone(device: Device) -> None:
    eventually(lambda: device.beats > 5)
    device.usb.stall()
    eventually(device.camera_is(CameraState.LOST))
    beats = device.beats
    time.sleep(0.5)
    assert device.beats == beats
    device.service.pause()
    eventually(lambda: device.beats > beats, 2)


def test_a_pause_while_the_camera_is_lost_ends_the_retries(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.unplug()
    eventually(device.camera_is(CameraState.LOST))
    device.service.pause()
    time.sleep(0.6)
    opened = len(device.usb.captures)
    time.sleep(1.5)
    assert len(device.usb.captures) == opened
    device.usb.plug_back()
    device.service.resume()
    eventually(device.camera_is(CameraState.LIVE), 3)


def test_a_camera_paused_while_it_is_opened_rests_only_once_it_is_closed(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.service.pause()
    eventually(device.camera_is(CameraState.PAUSED))
    device.may_open.clear()
    device.asked_to_open.clear()
    device.service.resume()
    eventually(device.camera_is(CameraState.STARTING))
    assert device.asked_to_open.wait(5)
    device.service.pause()
    assert device.service.health().camera is CameraState.PAUSING
    device.may_open.set()
    eventually(device.camera_is(CameraState.PAUSED))
    assert not any(capture.isOpened() for capture in device.usb.captures)


def test_a_short_pause_is_no_lost_camera(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    for _ in range(5):
        device.service.pause()
        device.service.resume()
        eventually(device.camera_is(CameraState.LIVE), 2)
    assert CameraState.LOST not in device.heard.states
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_resuming_forgets_the_trouble_before_the_pause(device: Device) -> None:
    eventually(device.camera_is(CameraState.LIVE))
    device.usb.unplug()
    eventually(device.camera_is(CameraState.LOST))
    device.service.pause()
    device.usb.plug_back()
    device.service.resume()
    assert device.service.health().camera is CameraState.STARTING
    eventually(device.camera_is(CameraState.LIVE), 2)
