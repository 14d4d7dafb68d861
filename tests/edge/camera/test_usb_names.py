"""USB cameras by a name that stays, in a made-up /dev and /sys."""

from pathlib import Path

import pytest

from edge.camera.usb_names import camera_number
from edge.errors import CameraNotFound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two webcams, each with a second device for metadata, and a codec of the board."""
    links = tmp_path / "dev/v4l/by-id"
    links.mkdir(parents=True)
    for number, name, index, bus in (
        (0, "HD Pro Webcam C920", 0, "usb1/1-1"),
        (1, "HD Pro Webcam C920", 1, "usb1/1-1"),
        (2, "USB Camera: USB Camera", 0, "usb1/1-2"),
        (10, "bcm2835-codec-decode", 0, "platform/codec"),
    ):
        device = tmp_path / f"sys/devices/{bus}"
        device.mkdir(parents=True, exist_ok=True)
        folder = tmp_path / f"sys/class/video4linux/video{number}"
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
        (folder / "index").write_text(f"{index}\n")
        (folder / "device").symlink_to(device)
        (tmp_path / f"dev/video{number}").touch()
    (links / "usb-Logitech_C920-video-index0").symlink_to("../../video0")
    (links / "usb-Generic_Camera-video-index0").symlink_to("../../video2")
    return tmp_path


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("HD Pro Webcam C920", 0),
        ("hd pro webcam c920", 0),
        ("HD Pro", 0),
        ("USB Camera: USB Camera", 2),
        ("/dev/v4l/by-id/usb-Logitech_C920-video-index0", 0),
        ("/dev/v4l/by-id/usb-Generic_Camera-video-index0", 2),
        ("/dev/video2", 2),
    ],
)
def test_a_name_finds_its_camera(root: Path, value: str, number: int) -> None:
    assert camera_number(value, root) == number


def test_plugged_in_elsewhere_a_camera_keeps_its_name(root: Path) -> None:
    link = root / "dev/v4l/by-id/usb-Logitech_C920-video-index0"
    link.unlink()
    with pytest.raises(CameraNotFound, match="there is no such camera; found v4l2:/dev/v4l/by-id/"):
        camera_number("/dev/v4l/by-id/usb-Logitech_C920-video-index0", root)
    (root / "dev/video4").touch()
    link.symlink_to("../../video4")
    assert camera_number("/dev/v4l/by-id/usb-Logitech_C920-video-index0", root) == 4


def test_what_is_not_there_is_told_with_what_is(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CameraNotFound, match="found v4l2:HD Pro Webcam C920, v4l2:USB Camera"):
        camera_number("Brio", root)
    with pytest.raises(CameraNotFound, match="no USB camera has this name"):
        camera_number("bcm2835-codec-decode", root)
    with pytest.raises(CameraNotFound, match="no USB camera is plugged in"):
        camera_number("Brio", tmp_path / "empty")
    with pytest.raises(CameraNotFound, match="this is no camera"):
        camera_number("/dev/v4l", root)


def test_a_name_of_two_cameras_chooses_none(root: Path) -> None:
    (root / "sys/class/video4linux/video2/name").write_text("HD Pro Webcam C920\n")
    with pytest.raises(CameraNotFound, match=r"2 cameras have this name; .* v4l2:0, v4l2:2"):
        camera_number("HD Pro", root)
