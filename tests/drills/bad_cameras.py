"""Drills: a camera stalls, dies, sends garbage or changes its size."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import simplejpeg
from drill import Lab, drill
from drilled import Drilled, until

from edge.camera.demo.scene import DemoScene

_FPS = 15.0
_SIZES = ((640, 480), (1280, 720), (320, 240), (641, 479), (64, 64), (1920, 1080), (640, 480))
_DOWN, _BACK = r"WARNING camera: .*; trying again", r"INFO camera: .* is back"


class NetworkCamera:
    """A camera that sends MJPEG; a drill changes its attributes while it runs."""

    def __init__(self) -> None:
        self.delivers = threading.Event()
        self.delivers.set()
        self.is_garbage = False
        self.is_dead = False
        self.size = _SIZES[0]
        self._scene = DemoScene()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.close_connection = True
                if camera.is_dead:
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=cut")
                self.end_headers()
                with suppress(OSError):
                    for jpeg in camera.jpegs():
                        self.wfile.write(b"--cut\r\nContent-Type: image/jpeg\r\n\r\n")
                        self.wfile.write(jpeg + b"\r\n")

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def source(self) -> str:
        """The value of [camera] source."""
        return f"http://127.0.0.1:{self.server.server_port}/"

    def jpegs(self) -> Iterator[bytes]:
        """Yield frames until the camera dies."""
        while not self.is_dead:
            self.delivers.wait()
            bgr = cv2.resize(self._scene.render(time.monotonic() % 60), self.size)
            jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(bgr), 85, colorspace="BGR")
            yield b"\xff\xd8" + b"garbage" * 500 + b"\xff\xd9" if self.is_garbage else jpeg
            time.sleep(1 / _FPS)


@contextmanager
def _network_camera() -> Iterator[NetworkCamera]:
    camera = NetworkCamera()
    serving = threading.Thread(target=camera.server.serve_forever, daemon=True)
    serving.start()
    try:
        yield camera
    finally:
        camera.is_dead = True
        camera.delivers.set()
        camera.server.shutdown()
        camera.server.server_close()


def _lost_and_back(
    lab: Lab, breaks: Callable[[NetworkCamera], None], mends: Callable[[NetworkCamera], None]
) -> str:
    with _network_camera() as camera:
        device = lab.live(camera={"source": camera.source})
        until("inference goes on", device.infers, 20, device)
        viewer = device.watch()
        until("the stream runs", lambda: viewer.frames > 3, 20, device)
        breaks(camera)
        lost_s = until("it is shown as lost", lambda: device.camera == "lost", lab.soon_s, device)
        assert device.healthz.startswith("lost: "), device.healthz
        assert not viewer.ended.is_set()
        time.sleep(1)
        mends(camera)
        back_s = until("it is live", lambda: device.camera == "live", 10, device)
        assert device.infers()
        _is_told_once(device)
        assert device.end() == 0
    return f"shown as lost after {lost_s:.1f} s, live {back_s:.1f} s after its return"


def _is_told_once(device: Drilled) -> None:
    until("its return is logged", lambda: device.logged(_BACK), 5, device)
    assert (device.logged(_DOWN), device.logged(_BACK)) == (1, 1), device.log
    assert "Traceback" not in device.log, device.log


_LOST = (
    "within 2 s page, /healthz and status say that it is lost and the stream shows a notice; it is "
    "live again by itself; one line down and one back"
)


@drill("a network camera stalls for a while: its connection stays open", _LOST)
def camera_stalls(lab: Lab) -> str:
    return _lost_and_back(lab, lambda c: c.delivers.clear(), lambda c: c.delivers.set())


@drill(
    "a network camera dies: its connection ends, new ones are not answered", _LOST, is_short=True
)
def camera_dies(lab: Lab) -> str:
    return _lost_and_back(
        lab, lambda c: setattr(c, "is_dead", True), lambda c: setattr(c, "is_dead", False)
    )


@drill("a camera delivers nothing but garbage in place of JPEGs for a while", _LOST)
def camera_sends_garbage(lab: Lab) -> str:
    return _lost_and_back(
        lab, lambda c: setattr(c, "is_garbage", True), lambda c: setattr(c, "is_garbage", False)
    )


@drill(
    f"a camera changes the size of its frames {len(_SIZES) - 1} times while it runs, 64x64 to "
    "1920x1080 and odd ones",
    "inference and the stream go on, nothing is logged",
)
def camera_changes_size(lab: Lab) -> str:
    with _network_camera() as camera:
        device = lab.live(camera={"source": camera.source})
        viewer = device.watch()
        until("inference goes on", device.infers, 20, device)
        for size in _SIZES[1:]:
            camera.size = size
            seen = viewer.frames
            assert device.infers()
            until("the stream goes on", lambda n=seen: viewer.frames > n + 1, 10, device)
            until("it is live", lambda: device.camera == "live", 5, device)
        assert device.complaints() == []
        assert device.end() == 0
    return f"{len(_SIZES) - 1} of {len(_SIZES) - 1} changes went unnoticed"
