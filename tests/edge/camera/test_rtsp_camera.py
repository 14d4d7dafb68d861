"""Cameras that speak rtsp: VLC's real server, and none."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from proxies import free_port
from vlc import Vlc

from edge.camera.source import FrameSource
from edge.errors import CameraNotFound


@pytest.fixture
def rtsp() -> Iterator[str]:
    """The address of VLC, which sends a video over rtsp in a loop."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    with Vlc() as vlc:
        video = str(vlc.folder / "a.mp4")
        picture = ("-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-t", "5")
        encoding = ("-c:v", "mpeg4", "-g", "5", video)
        subprocess.run(
            ["ffmpeg", "-loglevel", "error", "-nostdin", *picture, *encoding],
            check=True,
            timeout=60,
        )
        port = free_port()
        sink = f"#rtp{{sdp=rtsp://127.0.0.1:{port}/live}}"
        vlc.start("--loop", video, "--sout-keep", "--sout", sink)
        yield f"rtsp://127.0.0.1:{port}/live"


def opened_in_time(opened: Callable[..., FrameSource], address: str) -> FrameSource:
    """Open the source once its server has started."""
    ends_s = time.monotonic() + 40
    while time.monotonic() < ends_s:
        try:
            return opened(address)
        except CameraNotFound:
            time.sleep(0.3)
    return opened(address)


def test_a_real_rtsp_server(rtsp: str, opened: Callable[..., FrameSource]) -> None:
    source = opened_in_time(opened, rtsp)
    # VLC sends over UDP only: until the next key frame, what it sends is grey.
    frames = iter(lambda: source.read(20.0), None)
    whole = next(frame for frame in islice(frames, 100) if frame.bgr.std() > 20)
    assert whole.size == (320, 240)
    assert "OPENCV_FFMPEG_CAPTURE_OPTIONS" not in os.environ


def test_no_rtsp_server_is_one_line(opened: Callable[..., FrameSource]) -> None:
    address = f"rtsp://127.0.0.1:{free_port()}/live"
    with pytest.raises(
        CameraNotFound,
        match=r"network camera rtsp://127\.0\.0\.1:\d+: no video can be opened; check",
    ):
        opened(address)
