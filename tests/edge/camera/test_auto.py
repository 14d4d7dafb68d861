import os
from functools import partial
from typing import ClassVar

import cv2
import msgspec
import numpy as np
import pytest

from edge.camera.auto import Hardware, open_source
from edge.camera.demo.scene import DemoScene
from edge.camera.fake_picamera2 import FakePicamera2, FakeTransform
from edge.camera.fake_v4l2 import FakeUsbCamera
from edge.camera.picamera2 import Driver, PiCamera
from edge.camera.replay import ImageReplay, VideoReplay
from edge.camera.v4l2 import V4l2Camera
from edge.config import load_config
from edge.errors import CameraNotFound, CameraStalled, PackageMissing, UsageError


def settings(source):
    return load_config(overrides={"camera": {"source": source}}).camera


def no_pi(config, number):
    raise CameraNotFound("Pi camera: none is attached")


def hardware(*, pi=no_pi, usb=None, devices=()):
    usb = usb or FakeUsbCamera(index=99)
    return Hardware(
        open_pi=pi,
        open_usb=partial(V4l2Camera, open_capture=usb.open),
        usb_devices=lambda: devices,
    )


class TwoPiCameras(FakePicamera2):
    attached: ClassVar = [
        {"Model": "imx708", "Id": "/base/axi/i2c@88000/imx708@1a", "Num": 0},
        {"Model": "imx219", "Id": "/base/axi/i2c@80000/imx219@10", "Num": 1},
    ]


fake_pi = partial(PiCamera, driver=Driver(TwoPiCameras, FakeTransform))


def test_auto_takes_the_pi_camera_first():
    source = open_source(settings("auto"), hardware(pi=fake_pi, usb=FakeUsbCamera(0), devices=[0]))
    assert source.name == "Pi camera 0 (imx708)"
    assert source.read(1.0).size == (640, 480)
    source.close()


def test_auto_takes_the_first_usb_camera_that_delivers():
    usb = FakeUsbCamera(index=2)
    source = open_source(settings("auto"), hardware(usb=usb, devices=[0, 1, 2]))
    assert source.name == "USB camera 2 (/dev/video2)"
    source.read(2.0)
    source.close()
    assert all(capture.released for capture in usb.captures)


def test_auto_needs_no_package_for_pi_cameras():
    def no_package(config, number):
        raise PackageMissing("Pi camera: the picamera2 package cannot be imported")

    source = open_source(
        settings("auto"), hardware(pi=no_package, usb=FakeUsbCamera(0), devices=[0])
    )
    source.close()
    with pytest.raises(CameraNotFound, match=r"imported\. USB camera: none is plugged in"):
        open_source(settings("auto"), hardware(pi=no_package))


def test_auto_passes_over_a_device_that_opens_and_delivers_nothing():
    class Silent:
        name = "USB camera 0 (/dev/video0)"
        closed = False

        def read(self, timeout_s):
            raise CameraStalled(f"{self.name}: no frame")

        def close(self):
            self.closed = True

    silent = Silent()
    good = hardware(usb=FakeUsbCamera(index=1))
    mixed = Hardware(
        open_pi=no_pi,
        open_usb=lambda c, index: silent if index == 0 else good.open_usb(c, index),
        usb_devices=lambda: [0, 1],
    )
    source = open_source(settings("auto"), mixed)
    source.close()
    assert silent.closed
    assert source.name == "USB camera 1 (/dev/video1)"


def test_auto_passes_over_a_device_that_does_not_even_close(monkeypatch):
    monkeypatch.setattr("edge.camera.auto.FIRST_FRAME_S", 0.1)
    monkeypatch.setattr("edge.camera.auto.CLOSE_S", 0.1)
    hanging, good = FakeUsbCamera(index=0), FakeUsbCamera(index=1)
    hanging.stall()
    hanging.may_release.clear()
    mixed = Hardware(
        open_pi=no_pi,
        open_usb=lambda config, index: V4l2Camera(
            config, index, open_capture=(hanging, good)[index].open
        ),
        usb_devices=lambda: [0, 1],
    )
    source = open_source(settings("auto"), mixed)
    hanging.resume()
    hanging.may_release.set()
    source.close()
    assert source.name == "USB camera 1 (/dev/video1)"


def test_auto_says_what_it_looked_for_and_how_to_see_the_demo():
    with pytest.raises(CameraNotFound) as nothing:
        open_source(settings("auto"), hardware())
    for part in ("Pi camera: none is attached", "USB camera: none is plugged in", "--source demo"):
        assert part in str(nothing.value)
    assert "\n" not in str(nothing.value)
    with pytest.raises(CameraNotFound, match=r"/dev/video4\): cannot be opened"):
        open_source(settings("auto"), hardware(devices=[4]))


def test_each_kind_of_source_is_opened(tmp_path):
    writer = cv2.VideoWriter(
        str(tmp_path / "a:b.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (64, 48)
    )
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    rig = hardware(pi=fake_pi, usb=FakeUsbCamera(7))
    for spec, kind in {
        "demo": DemoScene,
        "picamera2": PiCamera,
        "picamera2:1": PiCamera,
        "v4l2:7": V4l2Camera,
        f"file:{tmp_path}/a:b.avi": VideoReplay,
        f"images:{tmp_path}": ImageReplay,
    }.items():
        source = open_source(settings(spec), rig)
        assert isinstance(source, kind)
        assert source.read(2.0).bgr.dtype == np.uint8
        source.close()


def test_a_pi_camera_is_chosen_by_its_number():
    source = open_source(settings("picamera2:1"), hardware(pi=fake_pi))
    source.close()
    assert source.name == "Pi camera 1 (imx219)"
    with pytest.raises(CameraNotFound) as wrong:
        open_source(settings("picamera2:2"), hardware(pi=fake_pi))
    assert str(wrong.value) == (
        "picamera2:2: there is no such camera; found picamera2:0 (imx708), picamera2:1 (imx219)"
    )


def test_an_unknown_source_is_refused():
    config = msgspec.structs.replace(settings("demo"), source="webcam")
    with pytest.raises(UsageError, match="'webcam': expected auto, demo"):
        open_source(config, hardware())


def test_the_real_probes_answer_on_any_machine():
    try:
        open_source(settings("auto")).close()
    except CameraNotFound as exc:
        assert "--source demo" in str(exc)  # noqa: PT017 (a machine with a camera is fine too)


def test_a_setting_for_an_absent_pi_camera_is_no_reason_to_give_up():
    config = load_config(overrides={"camera": {"source": "auto", "focus_m": 1.0}}).camera
    with pytest.raises(CameraNotFound, match=r"none is attached.*only Pi cameras support this"):
        open_source(config, hardware(usb=FakeUsbCamera(0), devices=[0]))


@pytest.mark.parametrize(
    "source",
    [
        *("v4l2:-1", "v4l2:2147483647", "v4l2:2147483648", "v4l2:" + "9" * 5000, "v4l2:"),
        *("v4l2:x", "v4l2:\u0663", "picamera2:99999999999999", "picamera2:-1"),
        "picamera2:" + "9" * 5000,
    ],
)
def test_a_number_that_no_camera_has_is_refused_before_it_is_opened(source):
    config = msgspec.structs.replace(settings("demo"), source=source)
    usb = FakeUsbCamera(index=0)
    with pytest.raises(UsageError, match="a camera's number is 0 to 1048575") as refusal:
        open_source(config, hardware(pi=fake_pi, usb=usb))
    assert usb.captures == []
    assert len(str(refusal.value)) < 200


def test_no_file_folder_pipe_or_device_hangs_or_breaks_the_opening(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "one").mkdir()
    with (tmp_path / "one" / "huge.jpg").open("wb") as huge:
        huge.write(b"\xff\xd8\xff\xe0")
        huge.truncate(10**12)
    for source, reason in {
        "file:/dev/zero": "not a file but a device or a pipe",
        "file:/dev/null": "not a file but a device or a pipe",
        f"file:{tmp_path}/pipe": "not a file but a device or a pipe",
        f"file:{tmp_path}/folder": "Is a directory",
        f"file:{tmp_path}/text.mp4": "not a video",
        f"file:{tmp_path}/a\0b": "a name with a NUL in it",
        "file:" + "n" * 5000: "File name too long",
        "file:~nouser/x.mp4": "No such file or directory",
        f"images:{tmp_path}/folder": "no images in this folder",
        f"images:{tmp_path}/text.mp4": "no such folder",
        f"images:{tmp_path}/a\0b": "no such folder",
        "images:" + "n" * 5000: "no such folder",
        "images:~nouser": "no such folder",
        "images:/dev/zero": "no such folder",
        f"images:{tmp_path}/one": "none of its images can be read",
    }.items():
        config = msgspec.structs.replace(settings("demo"), source=source)
        with pytest.raises(CameraNotFound, match=reason) as refusal:
            open_source(config, hardware())
        assert str(refusal.value).isprintable()


@pytest.mark.parametrize("name", ["12:30 party.mp4", "shot_%03d.png", "rtsp://x"])
def test_any_name_of_a_video_is_a_source(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    writer = cv2.VideoWriter("plain.avi", cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    os.makedirs("rtsp:")  # noqa: PTH103
    os.rename("plain.avi", name)  # noqa: PTH104
    source = open_source(settings(f"file:{name}"), hardware())
    assert source.read(2.0).size == (64, 48)
    source.close()
