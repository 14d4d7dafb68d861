"""The doctor opens the camera: fakes that deliver, are held, are missing or covered."""

from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from findings import FAIL, PASS, WARN, pi_hardware, settings, verdict

from edge import doctor
from edge.camera.auto import Hardware
from edge.camera.fake_v4l2 import FakeUsbCamera
from edge.camera.v4l2 import V4l2Camera
from edge.datatypes import Frame
from edge.errors import PackageMissing

ROOT = Path(__file__).parents[2]


def test_a_camera_that_delivers(tmp_path: Path):
    finding = doctor.check_camera(settings(source="picamera2"), tmp_path, pi_hardware())
    assert verdict(finding) == (PASS, "")
    assert finding.message == "Pi camera 0 (imx708): 640x480"


def test_a_camera_another_program_holds(tmp_path: Path):
    fd = tmp_path / "proc/17/fd"
    fd.mkdir(parents=True)
    (fd.parent / "comm").write_text("rpicam-hello\n")
    (fd / "5").symlink_to("/dev/video0")
    finding = doctor.check_camera(settings(source="picamera2"), tmp_path, pi_hardware(busy=True))
    assert verdict(finding) == (FAIL, "camera-busy")
    assert finding.message.endswith("does another program use it?. Used by rpicam-hello (17)")


def test_no_camera_at_all_and_a_setting_it_cannot_do(tmp_path: Path):
    finding = doctor.check_camera(settings(source="auto"), tmp_path, pi_hardware(attached=[]))
    assert verdict(finding) == (FAIL, "camera")
    usb = Hardware(open_usb=partial(V4l2Camera, open_capture=FakeUsbCamera(0).open))
    finding = doctor.check_camera(settings(source="v4l2:0", focus_m=1.0), tmp_path, usb)
    assert verdict(finding) == (FAIL, "config")


def test_a_pi_camera_without_its_package(tmp_path: Path):
    def no_package(config: Any, number: int) -> Any:
        raise PackageMissing("Pi camera: the picamera2 package cannot be imported")

    wanted, hardware = settings(source="picamera2"), Hardware(open_pi=no_package)
    assert verdict(doctor.check_camera(wanted, tmp_path, hardware)) == (FAIL, "raspberry-pi-os")
    sources = tmp_path / "etc/apt/sources.list"
    sources.parent.mkdir(parents=True)
    sources.write_text("deb http://archive.raspberrypi.com/debian/ bookworm main\n")
    assert verdict(doctor.check_camera(wanted, tmp_path, hardware)) == (FAIL, "pi-packages")


def test_a_covered_lens(tmp_path: Path):
    class Covered:
        name = "USB camera 0"
        closed: ClassVar = []

        def read(self, timeout_s: float) -> Frame:
            return Frame(bgr=np.full((48, 64, 3), 2, np.uint8), seq=0, captured_at_s=0.0)

        def close(self) -> None:
            self.closed.append(True)

    hardware = Hardware(open_usb=lambda config, index: Covered())
    finding = doctor.check_camera(settings(source="v4l2:0"), tmp_path, hardware)
    assert verdict(finding) == (WARN, "camera-dark")
    assert Covered.closed == [True]
