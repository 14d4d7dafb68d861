import contextlib
import os
import resource
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge.camera.fake_v4l2 import FakeUsbCamera
from edge.camera.v4l2 import V4l2Camera, advice, usb_cameras, video_devices
from edge.config import load_config
from edge.errors import CameraError, CameraNotFound, CameraStalled, ConfigError


def opened(usb: FakeUsbCamera, index: int = 0, **settings: Any) -> V4l2Camera:
    camera = {"width": 320, "height": 240, "fps": 25, **settings}
    config = load_config(overrides={"camera": camera}).camera
    return V4l2Camera(config, index, open_capture=usb.open)


def read_on(camera: V4l2Camera, timeout_s: float) -> None:
    while True:
        camera.read(timeout_s)


@pytest.fixture
def usb():
    usb = FakeUsbCamera()
    yield usb
    usb.resume()


def test_close_returns_when_the_camera_is_off(usb):
    camera = opened(usb)
    camera.read(2.0)
    usb.may_release.clear()
    closing = threading.Thread(target=camera.close)
    closing.start()
    closing.join(1.2)
    assert closing.is_alive()
    assert usb.captures[0].isOpened()
    usb.may_release.set()
    closing.join(5)
    assert not usb.captures[0].isOpened()


def test_frames_are_new_numbered_and_of_the_size_asked_for(usb):
    camera = opened(usb)
    try:
        first, second = camera.read(2.0), camera.read(2.0)
    finally:
        camera.close()
    assert first.size == (320, 240)
    assert second.seq > first.seq
    assert first.captured_at_s < second.captured_at_s <= time.monotonic()
    assert camera.name == "USB camera 0 (/dev/video0)"


def test_it_asks_for_mjpg_size_rate_and_the_smallest_buffer(usb):
    camera = opened(usb)
    settings = usb.captures[0].settings
    camera.close()
    assert settings == {
        cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"MJPG")),
        cv2.CAP_PROP_FRAME_WIDTH: 320.0,
        cv2.CAP_PROP_FRAME_HEIGHT: 240.0,
        cv2.CAP_PROP_FPS: 25.0,
        cv2.CAP_PROP_BUFFERSIZE: 1.0,
        cv2.CAP_PROP_CONVERT_RGB: 0.0,
    }


@pytest.mark.parametrize(
    ("settings", "corner"),
    [
        ({}, (0, 0)),
        ({"mirror": True}, (0, -1)),
        ({"rotate_deg": 180}, (-1, -1)),
        ({"rotate_deg": 180, "mirror": True}, (-1, 0)),
        ({"rotate_deg": 90}, (0, -1)),
        ({"rotate_deg": 270}, (-1, 0)),
        ({"rotate_deg": 90, "mirror": True}, (0, 0)),
    ],
)
def test_a_picture_is_turned_and_mirrored(usb, settings, corner):
    camera = opened(usb, **settings)
    bgr = camera.read(2.0).bgr
    camera.close()
    assert bgr[corner].tolist() == [255, 255, 255]
    assert (bgr == 255).sum() == 3


def test_on_its_side_a_frame_is_a_portrait(usb):
    camera = opened(usb, rotate_deg=90)
    assert camera.read(2.0).size == (240, 320)
    camera.close()


def test_corrupt_frames_are_skipped_counted_and_logged_once(usb, caplog, capfd):
    def damage(number: int, jpeg: bytes) -> bytes:
        return jpeg[: len(jpeg) // 2] if number % 2 else jpeg

    usb.damage = damage
    corrupt: list[None] = []
    config = load_config(overrides={"camera": {"width": 320, "height": 240}}).camera
    camera = V4l2Camera(config, 0, open_capture=usb.open, corrupt=lambda: corrupt.append(None))
    numbers = [camera.read(2.0).seq for _ in range(5)]
    camera.close()
    assert all(number % 2 for number in numbers)  # numbered from 0, so the even ones were damaged
    assert len(corrupt) >= 5
    assert caplog.text.count("sends corrupt frames") == 1
    assert capfd.readouterr().err == ""  # libjpeg itself would have written lines


def test_a_camera_that_sends_nothing_but_damage_counts_as_lost(usb):
    usb.damage = lambda _, jpeg: jpeg[:100]
    camera = opened(usb)
    with pytest.raises(CameraStalled):
        camera.read(0.5)
    camera.close()


@pytest.mark.parametrize("setting", ["focus_m", "exposure_ms"])
def test_what_only_a_pi_camera_can_do_is_refused(usb, setting):
    message = rf"\[camera\] {setting} = 0.5: only Pi cameras .* set {setting} = 0"
    with pytest.raises(ConfigError, match=message):
        opened(usb, **{setting: 0.5})
    assert not usb.captures


def test_a_slow_reader_gets_the_newest_frame(usb):
    camera = opened(usb)
    try:
        first = camera.read(2.0)
        time.sleep(0.3)
        second = camera.read(2.0)
    finally:
        camera.close()
    assert second.seq > first.seq + 3
    assert time.monotonic() - second.captured_at_s < 1.0


def test_a_missing_camera_is_refused_with_advice(usb):
    with pytest.raises(CameraNotFound, match=r"USB camera 3 \(/dev/video3\): cannot be opened; "):
        opened(usb, 3)
    assert usb.captures[0].released


def test_opencv_says_nothing_about_a_camera_that_is_not_there(capfd):
    with pytest.raises(CameraNotFound, match="video63"):
        V4l2Camera(load_config().camera, 63)
    assert capfd.readouterr().err == ""


def test_a_stalled_camera_is_reported_in_time_though_its_read_blocks(usb):
    camera = opened(usb)
    try:
        camera.read(2.0)
        usb.stall()
        with pytest.raises(CameraStalled, match=r"no frame for 0\.2 s"):
            read_on(camera, 0.2)
        started_s = time.monotonic()
        with pytest.raises(CameraStalled):
            camera.read(0.2)
        assert 0.15 < time.monotonic() - started_s < 1.5
        usb.resume()
        camera.read(2.0)
    finally:
        camera.close()


def test_an_unplugged_camera_stalls_and_comes_back_once_opened_again(usb):
    camera = opened(usb)
    camera.read(2.0)
    usb.unplug()
    with pytest.raises(CameraStalled):
        read_on(camera, 0.2)
    with pytest.raises(CameraNotFound):
        opened(usb)
    usb.plug_back()
    with pytest.raises(CameraStalled):
        camera.read(0.2)
    camera.close()
    again = opened(usb)
    again.read(2.0)
    again.close()
    assert all(capture.released for capture in usb.captures)


def test_close_ends_the_thread_a_waiting_read_and_may_be_called_twice(usb):
    camera = opened(usb)
    camera.read(2.0)
    usb.stall()
    failures = []

    def wait() -> None:
        try:
            while True:
                camera.read(30.0)
        except CameraError as exc:
            failures.append(str(exc))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.1)
    threading.Timer(0.1, usb.resume).start()
    camera.close()
    camera.close()
    waiting.join(2.0)
    assert failures == ["USB camera 0 (/dev/video0): closed"]
    assert usb.captures[0].released
    assert "video0" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(CameraError, match="closed"):
        camera.read(0.1)


def test_the_fake_refuses_a_read_after_release_as_opencv_may_crash(usb):
    capture = usb.open(0)
    capture.release()
    capture.release()
    with pytest.raises(RuntimeError, match="after release"):
        capture.read()
    assert not capture.isOpened()
    assert not capture.set(cv2.CAP_PROP_FPS, 30)


def test_the_fake_has_nothing_that_opencv_has_not():
    names = {name for name in dir(type(FakeUsbCamera().open(0))) if not name.startswith("_")}
    assert names <= set(dir(cv2.VideoCapture))


def test_advice_names_what_there_is(tmp_path):
    for name in ("video10", "video2", "video0", "videography", "v4l"):
        (tmp_path / name).touch()
    assert video_devices(tmp_path) == [0, 2, 10]
    assert "/dev/video0, /dev/video2" in advice([0, 2])
    assert "`video`" in advice([0, 2])
    assert "no /dev/video*" in advice([])


def test_of_the_system_s_devices_only_webcams_count(tmp_path):
    def device(number: int, place: str, index: int = 0) -> None:
        folder, node = tmp_path / "devices" / place, tmp_path / "class" / f"video{number}"
        folder.mkdir(parents=True, exist_ok=True)
        node.mkdir(parents=True)
        (node / "device").symlink_to(folder)
        (node / "index").write_text(f"{index}\n")

    device(10, "platform/axi/1000120000.pcie/xhci-hcd.0/usb1/1-1/1-1:1.0")
    device(2, "platform/scb/fd500000.pcie/usb1/1-2/1-2:1.0")
    device(3, "platform/scb/fd500000.pcie/usb1/1-2/1-2:1.0", index=1)  # its metadata
    device(20, "platform/axi/1000880000.pisp_be")
    (tmp_path / "class/video30").mkdir()
    assert usb_cameras(tmp_path / "class") == [2, 10]
    assert usb_cameras(tmp_path / "none") == []


def test_cameras_are_looked_for_without_a_free_descriptor(tmp_path):
    """The device goes on without, and looks again."""
    (tmp_path / "video0").touch()
    wanted = load_config().camera
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    opened_now = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened_now + 20, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.dup(0))
        assert usb_cameras(tmp_path) == video_devices(tmp_path) == []
        with pytest.raises(CameraNotFound, match="cannot be opened"):
            V4l2Camera(wanted, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in held:
            os.close(descriptor)
    assert video_devices(tmp_path) == [0]
