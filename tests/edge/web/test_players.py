"""The stream in real players that know Basic authentication only: ffmpeg and VLC."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gated import CODE, Device
from vlc import Vlc

from edge.datatypes import Frame, Scene, Snapshot
from edge.web.server.server import WebServer

SIZE = (160, 120)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The host and port of a device whose camera sees noise."""
    device = Device(tmp_path / "ended-logins")
    server = WebServer(device.app, "127.0.0.1", 0, threads=8)
    server.start()
    over = threading.Event()
    camera = threading.Thread(target=film, args=(device, over))
    camera.start()
    yield f"127.0.0.1:{server.port}"
    over.set()
    camera.join()
    device.scenes.close()
    server.stop()


def film(device: Device, over: threading.Event) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    seq = 0
    while not over.wait(0.05):
        seq, now_s = seq + 1, time.monotonic()
        frame = Frame(bgr=np.roll(noise, seq, 0), seq=seq, captured_at_s=now_s)
        snapshot = Snapshot(seq=seq, captured_at_s=now_s, faces=(), dominant=None, stage_ms={})
        device.scenes.put(Scene(frame=frame, snapshot=snapshot))


def ffmpeg(url: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    options = ("-hide_banner", "-loglevel", "error", "-nostdin")
    read = ("-i", url, "-frames:v", "3", "-f", "framemd5", "-")
    return subprocess.run(
        ["ffmpeg", *options, *read], capture_output=True, text=True, timeout=60, check=False
    )


def test_ffmpeg_reads_the_stream_with_the_code_as_password(address: str) -> None:
    result = ffmpeg(f"http://camera:{CODE}@{address}/stream.mjpg")
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if not line.startswith("#")]
    assert len(lines) == 3
    assert f"#dimensions 0: {SIZE[0]}x{SIZE[1]}" in result.stdout


def test_ffmpeg_with_a_wrong_password_is_refused(address: str) -> None:
    result = ffmpeg(f"http://camera:wrong-code-1@{address}/stream.mjpg")
    assert result.returncode != 0
    assert "401" in result.stderr


def test_vlc_reads_the_stream_with_the_code_as_password(address: str) -> None:
    with Vlc() as vlc:
        written = vlc.folder / "played.ts"
        sink = f"#std{{access=file,mux=ts,dst={written}}}"
        vlc.start("--no-audio", f"http://camera:{CODE}@{address}/stream.mjpg", "--sout", sink)
        ends_s = time.monotonic() + 60
        while not (written.exists() and written.read_bytes().count(b"\xff\xd8\xff") >= 3):
            assert time.monotonic() < ends_s, "VLC has not written three JPEGs"
            time.sleep(0.1)
