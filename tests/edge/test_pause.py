"""A pause is literal: the camera is closed, and until then the device says so."""

import threading
import time
from collections.abc import Callable

import pytest
from waiting import eventually
from watched_camera import Device, open_devices

from edge.camera.picamera2 import PiCamera
from edge.datatypes import CameraState, Pause

open_device = pytest.fixture(open_devices)


def pausing(device: Device) -> threading.Thread:
    thread = threading.Thread(target=device.service.pause)
    device.threads.append(thread)
    thread.start()
    return thread


def test_paused_means_closed_and_until_then_the_privacy_led_is_lit(
    open_device: Callable[..., Device], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "edge")
    device = open_device()
    device.usb.may_release.clear()
    thread = pausing(device)
    eventually(lambda: device.camera is CameraState.PAUSING)
    eventually(lambda: device.heard.told[-1] == (CameraState.PAUSING, True))
    time.sleep(0.3)  # a few times that the outputs are told
    assert device.usb.captures[-1].isOpened()
    assert device.camera is CameraState.PAUSING
    assert device.service.report().snapshot is None
    assert (CameraState.PAUSED, False) not in device.heard.told
    assert "camera: paused" not in caplog.messages
    device.usb.may_release.set()
    thread.join(5)
    assert not device.usb.captures[-1].isOpened()
    assert device.camera is CameraState.PAUSED
    assert device.heard.told[-1] == (CameraState.PAUSED, False)
    assert caplog.messages.count("camera: paused") == 1


def test_a_pause_before_the_start_is_kept_and_the_camera_never_opened() -> None:
    device = Device()
    device.service.pause()
    device.threads[0].start()
    eventually(lambda: len(device.heard.told) > 3)
    assert device.camera is CameraState.PAUSED
    assert device.usb.captures == []
    assert device.stage.openings == []
    assert not any(is_lit for _, is_lit in device.heard.told)
    device.service.resume()
    eventually(lambda: device.camera is CameraState.LIVE)
    assert device.service.health().source == "USB camera 0 (/dev/video0)"
    device.service.stop()
    device.threads[0].join(5)


def test_a_pause_says_why_and_a_later_one_replaces_the_reason(
    open_device: Callable[..., Device],
) -> None:
    device = open_device()
    device.service.pause(Pause(by="schedule", until="07:00"))
    health = device.service.health()
    assert health.camera is CameraState.PAUSED
    assert health.detail == "the camera is closed until 07:00, as scheduled"
    assert health.to_dict()["pause"] == {"by": "schedule", "until": "07:00"}
    assert device.heard.reports[-1].health.pause == health.pause
    device.service.pause(Pause(by="clock"))
    assert "the clock is not set" in device.service.health().detail
    device.service.pause()
    assert device.service.health().detail == "the camera is closed"
    device.service.resume()
    assert device.service.health().to_dict()["pause"] is None


def test_a_camera_that_does_not_close_holds_nothing_up(
    open_device: Callable[..., Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.service.CLOSING_S", 0.2)
    monkeypatch.setattr("edge.camera_condition.CLOSING_S", 0.2)
    device = open_device()
    device.usb.may_release.clear()
    device.service.pause()
    device.service.pause()
    eventually(lambda: "does not close" in device.service.health().detail)
    assert device.heard.told[-1] == (CameraState.PAUSING, True)
    device.service.resume()
    eventually(lambda: device.camera is CameraState.LIVE)
    device.service.pause()
    device.service.stop()
    device.threads[0].join(5)
    assert not device.threads[0].is_alive()


def test_a_camera_whose_driver_fails_to_close_is_not_called_closed(
    open_device: Callable[..., Device], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.service.CLOSING_S", 0.2)
    device = open_device("off", "pi")

    def failing(self: PiCamera) -> None:
        raise RuntimeError("device busy")

    with monkeypatch.context() as broken:
        broken.setattr(PiCamera, "close", failing)
        device.service.pause()
    assert device.camera is CameraState.PAUSING
    assert device.threads[0].is_alive()


def test_the_stage_is_told_of_each_opening(open_device: Callable[..., Device]) -> None:
    device = open_device()
    device.service.pause()
    device.service.resume()
    eventually(lambda: device.camera is CameraState.LIVE)
    device.usb.stall()
    eventually(lambda: device.camera is CameraState.LOST)
    device.usb.resume()
    eventually(lambda: device.camera is CameraState.LIVE)
    assert list(dict.fromkeys(device.stage.openings))[:3] == [1, 2, 3]


def test_a_camera_that_hangs_may_still_be_on(open_device: Callable[..., Device]) -> None:
    device = open_device()
    device.stage.may_go.clear()  # the camera delivers, and no stage gets to look
    eventually(lambda: device.camera is CameraState.LOST)
    eventually(lambda: device.heard.told[-1] == (CameraState.LOST, True))


def test_pause_and_resume_from_many_threads_end_as_the_last_one_says(
    open_device: Callable[..., Device],
) -> None:
    device = open_device()
    threads = [
        threading.Thread(target=act) for act in (device.service.pause, device.service.resume) * 10
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    device.service.pause()
    eventually(lambda: device.camera is CameraState.PAUSED)
    assert not any(capture.isOpened() for capture in device.usb.captures)
    assert device.kept() == 0
