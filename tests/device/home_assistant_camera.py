#!/usr/bin/env python3
"""Adds a device as an "MJPEG IP camera" to a real Home Assistant: by hand, not in CI.

    .venv/bin/python tests/device/home_assistant_camera.py HASS...

HASS is the command that starts Home Assistant, see home_assistant.py. Everything listens on
loopback, and ends with the script. The exit status is 0 when all steps went well.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import urllib.error
from pathlib import Path
from typing import Any

from hass import Device, HomeAssistant, home_assistant, until

CAMERA = "camera.shelf_1"
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"


def journey(home: HomeAssistant, device: Device) -> None:
    """Take every step. Raises AssertionError for the first that fails."""
    device.start("")
    until(device.answers, "the device answers")
    refused = add(home, device, "a wrong code")
    assert refused["errors"] == {"username": "invalid_auth"}, refused
    print("ok           a wrong code is refused: invalid_auth")
    added = add(home, device, device.code())
    assert added["type"] == "create_entry", added
    until(lambda: CAMERA in home.states("shelf_1"), "the camera appears")
    until(lambda: shows_frame(home), "its image is a JPEG of the device")
    check_stream(home)

    device.end(signal.SIGKILL)
    assert not shows_frame(home), "a frame of a device that does not run"
    print("ok           without the device there is no image")
    device.start("")
    until(lambda: shows_frame(home), "after its restart the image is back")
    check_stream(home)


def add(home: HomeAssistant, device: Device, code: str) -> dict[str, Any]:
    page = f"http://127.0.0.1:{device.port}"
    return home.add(
        "mjpeg",
        name="Shelf 1",
        mjpeg_url=f"{page}/stream.mjpg",
        still_image_url=f"{page}/snapshot.jpg",
        username="viewer",
        password=code,
        verify_ssl=True,
    )


def shows_frame(home: HomeAssistant) -> bool:
    try:
        with home.open(f"/api/camera_proxy/{CAMERA}") as answer:
            jpeg = answer.read()
    except urllib.error.HTTPError as exc:
        if exc.code != 500:  # Home Assistant's answer for a camera without an image
            raise
        return False
    return jpeg.startswith(JPEG_START) and jpeg.endswith(JPEG_END)


def check_stream(home: HomeAssistant) -> None:
    """Read three different frames of the stream that Home Assistant passes on."""
    frames: set[bytes] = set()
    with home.open(f"/api/camera_proxy_stream/{CAMERA}") as answer:
        assert answer.headers.get_content_type() == "multipart/x-mixed-replace"
        unread = b""
        while len(frames) < 3:
            unread += answer.read1(65536) or b"\0"
            start, end = unread.find(JPEG_START), unread.find(JPEG_END)
            if 0 <= start < end:
                frames.add(unread[start:end])
                unread = unread[end + 2 :]
    print("ok           its stream has three different frames")


def main(command: list[str]) -> int:
    """Run all of it; return the exit status."""
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        device = Device(Path(name))
        try:
            with home_assistant(command, Path(name)) as home:
                journey(home, device)
                lines = [line for line in home.log().splitlines() if "mjpeg" in line]
            print("its log about the camera:", *(lines or ["nothing"]), sep="\n  ")
        finally:
            device.end(signal.SIGKILL)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
