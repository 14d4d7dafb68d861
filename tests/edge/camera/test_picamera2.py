import sys
import threading
import time

import numpy as np
import pytest

from edge.camera.fake_picamera2 import FakePicamera2, FakeTransform, sensor_mode
from edge.camera.picamera2 import Driver, PiCamera
from edge.camera.picamera2_controls import sensor_age_s, widest_mode
from edge.config import load_config
from edge.errors import (
    CameraError,
    CameraNotFound,
    CameraStalled,
    ConfigError,
    PackageMissing,
)


def opened(settings=None, **attributes) -> tuple[PiCamera, FakePicamera2]:
    made = []

    class Recorded(FakePicamera2):
        def __init__(self, camera_num: int = 0) -> None:
            super().__init__(camera_num)
            made.append(self)

    for name, value in attributes.items():
        setattr(Recorded, name, value)
    try:
        return PiCamera(wanted(settings), driver=Driver(Recorded, FakeTransform)), made[0]
    except Exception:
        assert all(not camera.is_open for camera in made)
        raise


def wanted(settings=None):
    camera = {"width": 320, "height": 240, "fps": 25, **(settings or {})}
    return load_config(overrides={"camera": camera}).camera


FIXED_LENS = {"FrameDurationLimits": (1, 2, None)}


def test_frames_are_bgr_copies_and_every_buffer_is_given_back():
    camera, sensor = opened()
    frames = [camera.read(1.0) for _ in range(20)]
    camera.close()
    assert [frame.seq for frame in frames] == list(range(20))
    for number, frame in enumerate(frames, 1):
        assert frame.size == (320, 240)
        np.testing.assert_array_equal(frame.bgr[7, 7], (255, number, 0))
    assert sensor.unreleased == 0


def test_format_rate_and_autofocus_are_asked_for():
    camera, sensor = opened()
    camera.close()
    assert sensor.camera_config["main"] == {"format": "RGB888", "size": (320, 240)}
    assert sensor.controls == {"FrameRate": 25, "AfMode": 2}
    assert not sensor.camera_config["queue"]


def test_a_lens_without_focus_is_not_asked_to_focus():
    camera, sensor = opened(available_controls=FIXED_LENS)
    camera.close()
    assert sensor.controls == {"FrameRate": 25}


def test_focus_and_exposure_are_set_by_hand_and_a_long_one_lowers_the_rate():
    camera, sensor = opened({"focus_m": 2.0, "exposure_ms": 50})
    camera.close()
    assert sensor.controls == {
        "FrameRate": 20.0, "AfMode": 0, "LensPosition": 0.5, "ExposureTime": 50_000,
    }  # fmt: skip
    camera, sensor = opened({"exposure_ms": 1})
    camera.close()
    assert sensor.controls == {"FrameRate": 25, "AfMode": 2, "ExposureTime": 1000}


@pytest.mark.parametrize(
    ("settings", "controls", "message"),
    [
        ({"focus_m": 1.0}, FIXED_LENS, "focus_m = 1: the lens of the imx708 is fixed"),
        (
            {"focus_m": 1.0},
            FakePicamera2.available_controls | {"LensPosition": (0.0, 0.0, 0.0)},
            "the lens of the imx708 is fixed",
        ),
        ({"focus_m": 0.05}, None, r"focus_m = 0.05: the imx708 focuses from 0.067 m on"),
        ({"exposure_ms": 5}, FIXED_LENS, "exposure_ms = 5: the imx708 has no shutter time"),
        (
            {"exposure_ms": 0.01},
            FakePicamera2.available_controls | {"ExposureTime": (26, 112015, None)},
            r"exposure_ms = 0.01: the imx708 can do 0.026 to 112.015",
        ),
    ],
)
def test_what_the_camera_cannot_do_is_refused_and_it_is_closed(settings, controls, message):
    with pytest.raises(ConfigError, match=message):
        opened(settings, available_controls=controls or FakePicamera2.available_controls)


@pytest.mark.parametrize(
    ("settings", "corner"),
    [
        ({}, (0, 0)),
        ({"mirror": True}, (0, -1)),
        ({"rotate_deg": 180}, (-1, -1)),
        ({"rotate_deg": 180, "mirror": True}, (-1, 0)),
        ({"rotate_deg": 90}, (0, -1)),
        ({"rotate_deg": 270}, (-1, 0)),
        ({"rotate_deg": 270, "mirror": True}, (-1, -1)),
    ],
)
def test_the_sensor_turns_and_mirrors(settings, corner):
    camera, _ = opened(settings)
    bgr = camera.read(1.0).bgr
    camera.close()
    assert bgr[corner].tolist() == [0, 0, 255]


CAMERA_1 = [  # OV5647
    sensor_mode((640, 480), 58.92, (16, 0, 2560, 1920)),
    sensor_mode((1296, 972), 46.34, (0, 0, 2592, 1944)),
    sensor_mode((1920, 1080), 32.81, (348, 434, 1928, 1080)),
    sensor_mode((2592, 1944), 15.63, (0, 0, 2592, 1944)),
]
CAMERA_2 = [  # IMX219
    sensor_mode(size, fps, crop, bits)
    for bits in (8, 10)
    for size, fps, crop in (
        ((640, 480), 103.33, (1000, 752, 1280, 960)),
        ((1640, 1232), 41.85, (0, 0, 3280, 2464)),
        ((1920, 1080), 47.57, (680, 692, 1920, 1080)),
        ((3280, 2464), 21.19, (0, 0, 3280, 2464)),
    )
]


@pytest.mark.parametrize(
    ("modes", "size", "fps", "chosen"),
    [
        (CAMERA_1, (640, 480), 30, (1296, 972)),
        (CAMERA_2, (640, 480), 30, (1640, 1232)),
        (CAMERA_2, (1920, 1080), 15, (3280, 2464)),
        (CAMERA_2, (640, 480), 60, (1640, 1232)),  # all of the view at 42 rather than a part at 60
        (FakePicamera2.modes, (640, 480), 30, (2304, 1296)),
    ],
)
def test_the_sensor_mode_sees_all_that_the_lens_does(modes, size, fps, chosen):
    mode = widest_mode(modes, size, fps)
    assert mode["size"] == chosen
    assert mode["bit_depth"] == 10


def test_the_chosen_mode_is_asked_for_and_a_sensor_without_modes_is_left_to_choose():
    camera, sensor = opened()
    camera.close()
    assert sensor.camera_config["raw"] == {"format": "SRGGB10_CSI2P", "size": (2304, 1296)}
    camera, sensor = opened(modes=[{"format": "YUYV"}])
    camera.close()
    assert sensor.camera_config["raw"] == {}


def test_a_camera_that_cannot_list_its_modes_is_used_all_the_same(caplog):
    class Small(FakePicamera2):
        @property
        def sensor_modes(self):
            raise OSError(12, "Cannot allocate memory")

    camera = PiCamera(wanted(), driver=Driver(Small, FakeTransform))
    assert camera.read(1.0).size == (320, 240)
    camera.close()
    assert "Cannot allocate memory" in caplog.text


def test_a_frame_is_as_old_as_its_light():
    camera, _ = opened(latency_s=0.3)
    frame = camera.read(1.0)
    camera.close()
    assert 0.3 <= time.monotonic() - frame.captured_at_s < 0.6


@pytest.mark.parametrize(
    ("stamp_s", "age_s"),
    [
        (999.9, 0.1),  # the monotonic clock's
        (5999.9, 0.1),  # the boot clock's, after 5000 s of sleep
        (None, 0.0),
        (12.0, 0.0),  # of some clock of its own
        (7000.0, 0.0),
    ],
)
def test_the_sensor_s_time_is_read_by_the_clock_it_fits(stamp_s, age_s):
    stamp_ns = None if stamp_s is None else round(stamp_s * 1e9)
    assert sensor_age_s(stamp_ns, 1000.0, 6000.0) == pytest.approx(age_s, abs=1e-6)


def test_a_usb_camera_that_libcamera_knows_is_no_pi_camera():
    usb = {"Model": "HD Webcam", "Id": "/base/axi/pcie/rp1/usb@200000-1:1.0-046d:082d", "Num": 0}
    with pytest.raises(CameraNotFound, match="none is attached"):
        opened(attached=[usb])
    camera, sensor = opened(attached=[usb, *FakePicamera2.attached])
    camera.close()
    assert camera.name == "Pi camera 0 (imx708)"
    assert sensor.camera_num == 0


def test_a_stall_is_reported_in_time_and_passes():
    camera, sensor = opened()
    camera.read(1.0)
    sensor.stall()
    for _ in range(2):
        started_s = time.monotonic()
        with pytest.raises(CameraStalled, match=r"Pi camera 0 .imx708.: no frame for 0\.1 s"):
            camera.read(0.1)
        assert time.monotonic() - started_s < 1.0
    sensor.resume()
    assert camera.read(1.0).seq == 1
    camera.close()


def test_close_ends_a_waiting_read_and_may_be_called_twice():
    camera, sensor = opened()
    sensor.stall()
    threading.Timer(0.1, camera.close).start()
    started_s = time.monotonic()
    with pytest.raises(CameraError, match=r"imx708.: stopped"):
        camera.read(10.0)
    assert time.monotonic() - started_s < 2.0
    camera.close()
    assert not sensor.is_open
    with pytest.raises(CameraError, match="closed"):
        camera.read(0.1)


def test_no_camera_and_a_busy_one_are_not_found():
    with pytest.raises(CameraNotFound, match="none is attached"):
        opened(attached=[])
    with pytest.raises(CameraNotFound, match=r"Device or resource busy\); does another program"):
        opened(busy=True)


def test_without_its_package_a_person_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(PackageMissing, match="sudo apt install python3-picamera2") as refused:
        PiCamera(wanted())
    assert refused.value.exit_code == 2


def test_a_camera_without_our_format_is_closed():
    with pytest.raises(CameraNotFound, match=r"imx708.: gives R8 where RGB888 is needed"):
        opened(formats=frozenset({"R8"}))


def test_a_camera_that_cannot_start_is_closed():
    class Broken(FakePicamera2):
        def start(self):
            raise RuntimeError("no memory for buffers")

    with pytest.raises(CameraNotFound, match="cannot start at 320x240, 25 fps: no memory"):
        PiCamera(wanted(), driver=Driver(Broken, FakeTransform))


def test_a_picamera2_that_cannot_give_up_waiting_is_refused():
    class Old:
        """Up to 0.3.18."""

    with pytest.raises(PackageMissing, match=r"before July 2024 .* apt install python3-picamera2"):
        PiCamera(wanted(), driver=Driver(Old, FakeTransform))


def test_who_closes_it_as_well_waits_until_it_is_closed():
    camera, sensor = opened()
    begun, go_on = threading.Event(), threading.Event()
    close = sensor.close

    def slow_close() -> None:
        begun.set()
        go_on.wait(5)
        close()

    sensor.close = slow_close
    threading.Thread(target=camera.close).start()
    assert begun.wait(5)
    second = threading.Thread(target=camera.close)
    second.start()
    second.join(0.1)
    assert second.is_alive()
    go_on.set()
    second.join(5)
    assert not second.is_alive()
    assert not sensor.is_open
