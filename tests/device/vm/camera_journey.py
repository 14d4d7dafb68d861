"""A webcam at a real USB port: found, read, pulled out, damaged, taken by another program."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

import cv2
import images
import webcam
from pi import Pi
from uvc import Size
from webcam import Webcam

_ROOM, _SMALL = (640, 480), (320, 240)
_NAME = "USB camera 0 (/dev/video0)"
_LINK = "/dev/v4l/by-id/usb-emotion-edge_tests_Drawn_Camera_0042-video-index0"
_CGROUP = "/sys/fs/cgroup/system.slice/emotion-edge.service/cgroup.procs"
# By its name: plugged in while a program still holds /dev/video0, it has become /dev/video1.
_HOLD = f"v4l2-ctl -d {_LINK} --set-fmt-video=pixelformat=MJPG --stream-mmap --stream-count=0"


@functools.cache
def frames() -> Mapping[Size, Sequence[bytes]]:
    """Return the demo's frames in two sizes."""
    large = [path.read_bytes() for path in sorted(images.frames().glob("*.jpg"))]
    small = [
        cv2.imencode(".jpg", cv2.resize(cv2.imread(str(path)), _SMALL))[1].tobytes()
        for path in sorted(images.frames().glob("*.jpg"))
    ]
    return {_ROOM: large, _SMALL: small}


def camera_of(pi: Pi) -> Webcam:
    """Return the machine's webcam, the same in every step."""
    if pi.webcam is None:
        pi.webcam = Webcam(pi.machine.folder / "usb", frames())
    return pi.webcam


def device_without_a_camera_waits_for_one(pi: Pi) -> None:
    pi.kept["code"] = pi.code
    pi.configure(camera={"source": "auto"})
    pi.restart()
    pi.wait_for(SubState="auto-restart")
    assert "no camera" in pi.journal("-n", "30"), pi.journal()


def camera_that_is_plugged_in_is_found(pi: Pi) -> list[str]:
    camera_of(pi).plug_in()
    seen_s = pi.wait_for_face()
    assert pi.service("StatusText", "User") == [f"watching: {_NAME}", "emotion-edge"]
    size = pi.snapshot().get("size")
    assert size == [*_ROOM], size
    return [f"first labelled face {seen_s:.0f} s after it was plugged in"]


def unit_may_open_cameras_and_no_disk(pi: Pi) -> None:
    allowed = pi.shell("systemctl show emotion-edge -p DevicePolicy -p DeviceAllow --value")
    assert "closed" in allowed
    assert "char-video4linux rw" in allowed
    inside = f"echo $$ > {_CGROUP} && exec head -c 1 "
    denied = pi.system.run("sh", "-c", f"{inside}/dev/vda")
    assert "Operation not permitted" in denied.stdout, denied.stdout
    shown = pi.shell(f"sh -c 'echo $$ > {_CGROUP}; exec v4l2-ctl -d /dev/video0 --info'")
    assert "uvcvideo" in shown


def camera_that_is_pulled_out_comes_back(pi: Pi) -> list[str]:
    logged = len(pi.journal().splitlines())
    camera_of(pi).pull_out()
    lost_s = pi.wait_until(lambda: pi.camera() == "lost", "camera lost", 90)
    camera_of(pi).plug_in()
    back_s = pi.wait_until(lambda: pi.camera() == "live", "camera live", 300)
    lines = pi.journal().splitlines()[logged:]
    down = [line for line in lines if "trying again" in line]
    up = [line for line in lines if "is back" in line]
    assert (len(down), len(up)) == (1, 1), lines
    return [f"lost after {lost_s:.0f} s, live {back_s:.0f} s after it was back", *lines]


def camera_is_known_by_its_name(pi: Pi) -> None:
    for source in (f"v4l2:{_LINK}", "v4l2:drawn camera"):
        pi.configure(camera={"source": source})
        pi.restart()
        pi.wait_until(lambda: pi.camera() == "live", f"{source} live")
    pi.configure(camera={"source": "v4l2:Other"})
    pi.restart()
    told = "v4l2:Other: no USB camera has this name; found v4l2:Drawn Camera: Drawn Camera"
    pi.wait_until(lambda: told in pi.journal("-n", "30"), "refused")


def corrupt_frames_are_skipped(pi: Pi) -> list[str]:
    pi.configure(camera={"source": "auto"})
    pi.restart()
    pi.wait_for_face()
    logged = len(pi.journal().splitlines())
    camera_of(pi).corrupt = True
    lost_s = pi.wait_until(lambda: pi.camera() == "lost", "camera lost", 120)
    counted = pi.ask("/metrics")[1].decode()
    assert re.search(r"corrupt\w*(\{[^}]*\})? [1-9]", counted), counted
    camera_of(pi).corrupt = False
    pi.wait_until(lambda: pi.camera() == "live", "camera live", 300)
    lines = pi.journal().splitlines()[logged:]
    assert len([x for x in lines if "sends corrupt frames" in x]) <= 2, lines
    assert not [x for x in lines if "Traceback" in x], lines
    return [f"lost after {lost_s:.0f} s", *lines]


def camera_that_falls_silent_comes_back(pi: Pi) -> list[str]:
    camera_of(pi).silent = True
    lost_s = pi.wait_until(lambda: pi.camera() == "lost", "camera lost", 120)
    camera_of(pi).silent = False
    back_s = pi.wait_until(lambda: pi.camera() == "live", "camera live", 300)
    assert pi.service("ActiveState") == ["active"]
    return [f"lost after {lost_s:.0f} s, live {back_s:.0f} s after it sent again"]


def camera_that_changes_its_size_is_followed(pi: Pi) -> None:
    camera_of(pi).actual_size = _SMALL
    pi.wait_until(lambda: pi.snapshot().get("size") == [*_SMALL], "the new size", 300)
    camera_of(pi).actual_size = None
    replug(pi, (_SMALL,))
    replug(pi, (_ROOM, _SMALL))
    pi.wait_for_face()


def replug(pi: Pi, sizes: Sequence[Size]) -> None:
    """Pull the camera out, and plug it in as one of these sizes, of which the first is taken."""
    camera_of(pi).pull_out()
    pi.wait_until(lambda: pi.camera() == "lost", "camera lost", 90)
    camera_of(pi).plug_in(sizes)
    pi.wait_until(lambda: is_live_at(pi, sizes[0]), f"live at {sizes[0]}", 300)


def is_live_at(pi: Pi, size: Size) -> bool:
    return pi.camera() == "live" and pi.snapshot().get("size") == [*size]


def camera_that_another_program_holds_is_named(pi: Pi) -> list[str]:
    pi.shell("systemctl stop emotion-edge")
    pi.shell(f"systemd-run --unit=holder sh -c '{_HOLD} > /dev/null'")
    pi.shell("systemctl start --no-block emotion-edge")
    pi.wait_until(lambda: "camera" in last_error(pi), "an error")
    told = last_error(pi)
    pi.shell("systemctl is-active holder && systemctl stop holder")
    pi.wait_until(lambda: pi.camera() == "live", "camera live")
    return [told]


def last_error(pi: Pi) -> str:
    """Return the last line of the service's own that tells an error."""
    lines = [line for line in pi.journal("-n", "30").splitlines() if "cannot be" in line]
    return lines[-1] if lines else ""


CAMERA_STEPS = (
    device_without_a_camera_waits_for_one,
    camera_that_is_plugged_in_is_found,
    unit_may_open_cameras_and_no_disk,
    camera_that_is_pulled_out_comes_back,
    camera_is_known_by_its_name,
    corrupt_frames_are_skipped,
    camera_that_falls_silent_comes_back,
    camera_that_changes_its_size_is_followed,
    camera_that_another_program_holds_is_named,
)


def usb_port(folder):
    """Return qemu's options for a machine with a USB port."""
    return webcam.qemu_options(folder / "usb")
