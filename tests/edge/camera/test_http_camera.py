"""Cameras over http: MJPEG and single images, Digest authentication, this project's own stream."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import simplejpeg
from gated import CODE, Device
from proxies import free_port

from edge.camera.network_login import network_address
from edge.camera.source import FrameSource
from edge.config import load_config
from edge.datatypes import Frame, Scene, Snapshot
from edge.errors import CameraError, CameraNotFound, CameraStalled
from edge.web.server.server import WebServer

SIZE = (64, 48)
USER, PASSWORD = "viewer", "p@ss: w/rd?"
NAME = r"network camera http://127\.0\.0\.1:\d+"


def jpeg_of(shade: int) -> bytes:
    image = np.full((SIZE[1], SIZE[0], 3), shade, np.uint8)
    return bytes(simplejpeg.encode_jpeg(image, 90, colorspace="BGR"))


class Camera(BaseHTTPRequestHandler):
    """A network camera: MJPEG and snapshots, with Digest authentication below /private."""

    protocol_version = "HTTP/1.1"
    requests: ClassVar[list[str]] = []
    damaged: ClassVar[bool] = False
    frames: ClassVar[int] = 1000
    over: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        self.requests.append(self.path)
        self.close_connection = True
        path = self.path.removeprefix("/private")
        if path != self.path and not self._is_known():
            challenge = 'Digest realm="cam", nonce="abc", qop="auth", algorithm=MD5'
            self._answer(401, {"WWW-Authenticate": challenge, "Content-Length": "0"})
        elif path.startswith("/snapshot"):
            jpeg = jpeg_of(len(self.requests) % 200)
            self._answer(200, {"Content-Type": "image/jpeg", "Content-Length": str(len(jpeg))})
            self.wfile.write(jpeg)
        elif path == "/mjpeg":
            self._answer(200, {"Content-Type": "multipart/x-mixed-replace;boundary=--cut"})
            self._film()
        elif path == "/moved":
            self._answer(302, {"Location": "/snapshot", "Content-Length": "0"})
        else:
            self._answer(200 if path == "/page" else 404, {"Content-Type": "text/html"})

    def _film(self) -> None:
        for n in range(self.frames):
            jpeg = jpeg_of(n % 200)
            if self.damaged and n % 2:
                jpeg = jpeg[: len(jpeg) // 2]
            try:
                self.wfile.write(b"--cut\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n")
            except OSError:
                return
            if self.over.wait(0.02):
                return

    def _is_known(self) -> bool:
        header = self.headers.get("Authorization", "")
        if not header.startswith("Digest "):
            return False
        said = dict(part.split("=", 1) for part in header[7:].split(", "))
        said = {key: value.strip('"') for key, value in said.items()}
        first = md5(f"{USER}:cam:{PASSWORD}")
        second = md5(f"GET:{said['uri']}")
        middle = f"abc:{said['nc']}:{said['cnonce']}:auth"
        return said["response"] == md5(f"{first}:{middle}:{second}")

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 (what Digest authentication uses)


@pytest.fixture
def camera() -> Iterator[str]:
    """The address of a camera."""
    Camera.requests, Camera.damaged, Camera.frames = [], False, 1000
    Camera.over.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Camera.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def login_file(tmp_path: Path) -> str:
    path = tmp_path / "login"
    path.write_text(f"{USER}:{PASSWORD}\n")
    return str(path)


@pytest.mark.parametrize("path", ["/mjpeg", "/snapshot", "/moved"])
def test_frames_arrive_in_order(camera: str, opened: Callable[..., FrameSource], path: str) -> None:
    source = opened(f"{camera}{path}")
    frames = [source.read(5.0) for _ in range(4)]
    assert all(frame.size == SIZE for frame in frames)
    assert [f.seq for f in frames] == sorted({f.seq for f in frames})
    assert frames[0].captured_at_s < frames[-1].captured_at_s <= time.monotonic()
    assert source.name == f"network camera {camera}"


def test_a_portrait_kiosk_has_its_network_camera_turned(
    camera: str, opened: Callable[..., FrameSource]
) -> None:
    assert opened(f"{camera}/mjpeg", rotate_deg=90).read(5.0).size == SIZE[::-1]


def test_corrupt_frames_are_skipped_and_counted(
    camera: str, opened: Callable[..., FrameSource], capfd: pytest.CaptureFixture[str]
) -> None:
    Camera.damaged = True
    corrupt: list[None] = []
    source = opened(f"{camera}/mjpeg", lambda: corrupt.append(None))
    for _ in range(5):
        shade = float(np.median(source.read(5.0).bgr))
        assert abs(shade / 2 - round(shade / 2)) < 0.9
    assert len(corrupt) >= 3
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("path", ["/private/mjpeg", "/private/snapshot"])
def test_digest_authentication(
    camera: str, opened: Callable[..., FrameSource], login_file: str, path: str
) -> None:
    source = opened(f"{camera}{path}", login_file=login_file)
    assert source.read(5.0).size == source.read(5.0).size == SIZE


def test_the_login_may_be_in_the_query(
    camera: str, opened: Callable[..., FrameSource], login_file: str
) -> None:
    opened(f"{camera}/snapshot?u={{user}}&p={{password}}", login_file=login_file).read(5.0)
    assert Camera.requests[0] == "/snapshot?u=viewer&p=p%40ss%3A%20w%2Frd%3F"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/private/mjpeg", "it answers with 401 Unauthorized; set .camera. login_file"),
        ("/nothing", "it answers with 404 Not Found"),
        ("/page", "it sends text/html, and neither MJPEG nor a JPEG"),
    ],
)
def test_what_is_wrong_is_one_line(
    camera: str, opened: Callable[..., FrameSource], path: str, message: str
) -> None:
    with pytest.raises(CameraNotFound, match=f"{NAME}: {message}"):
        opened(f"{camera}{path}")


def test_no_message_holds_the_path_or_the_password(
    camera: str, opened: Callable[..., FrameSource], tmp_path: Path, login_file: str
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("viewer:not the password")
    with pytest.raises(CameraNotFound, match=r"401.*; is the login right") as refusal:
        opened(f"{camera}/private/snapshot?secret=1", login_file=str(wrong))
    port = free_port()
    with pytest.raises(CameraNotFound, match="cannot be reached: Connection refused") as gone:
        opened(f"http://127.0.0.1:{port}/snapshot?secret=1", login_file=login_file)
    for text in map(str, (refusal.value, gone.value)):
        assert "secret" not in text
        assert "password" not in text
    source = f"rtsp://127.0.0.1:{port}/secret"
    config = load_config(overrides={"camera": {"source": source, "login_file": login_file}})
    address = network_address(config.camera)
    assert PASSWORD not in repr(address)
    assert address.url_with_login == (
        f"rtsp://viewer:p%40ss%3A%20w%2Frd%3F@127.0.0.1:{port}/secret"
    )


def read_to_the_end(source: FrameSource) -> None:
    while True:
        source.read(5.0)


def test_a_stream_that_ends_is_an_error_and_opens_again(
    camera: str, opened: Callable[..., FrameSource]
) -> None:
    Camera.frames = 3
    source = opened(f"{camera}/mjpeg")
    with pytest.raises(CameraError, match=f"{NAME}: the camera ended the stream"):
        read_to_the_end(source)
    assert opened(f"{camera}/mjpeg").read(5.0).size == SIZE


def test_a_camera_that_goes_silent_stalls_and_closes(
    camera: str, opened: Callable[..., FrameSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.camera.http_camera._TIMEOUT_S", 0.5)
    monkeypatch.setattr(Camera, "_film", lambda self: self.over.wait(20))
    source = opened(f"{camera}/mjpeg")
    with pytest.raises(CameraStalled, match=r"no frame for 0\.2 s"):
        source.read(0.2)
    source.close()  # returns: the reader waits for each piece for a limited time


def test_the_device_reads_the_stream_of_another_device(
    tmp_path: Path, opened: Callable[..., FrameSource]
) -> None:
    device = Device(tmp_path / "ended-logins")
    server = WebServer(device.app, "127.0.0.1", 0, threads=8)
    server.start()
    login = tmp_path / "login"
    login.write_text(f"camera:{CODE}")
    now_s = time.monotonic()
    frame = Frame(bgr=np.full((48, 64, 3), 99, np.uint8), seq=1, captured_at_s=now_s)
    snapshot = Snapshot(seq=1, captured_at_s=now_s, faces=(), dominant=None, stage_ms={})
    device.scenes.put(Scene(frame=frame, snapshot=snapshot))
    for path in ("stream.mjpg", "snapshot.jpg"):
        address = f"http://127.0.0.1:{server.port}/{path}"
        source = opened(address, login_file=str(login))
        assert source.read(5.0).size == SIZE
        source.close()
    device.scenes.close()
    server.stop()
