"""A network camera that sends the demo's frames, and misbehaves when told to."""

from __future__ import annotations

import threading
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import simplejpeg

from edge.camera.demo.scene import DemoScene

FPS = 15
_FRAMES = 20 * FPS
_ENDLESS_BYTES = 17_000_000  # more than a device takes for a frame


class Conduct(Enum):
    """What the camera does."""

    FILMS = auto()
    STALLS = auto()  # keeps the connection and sends nothing
    IS_GONE = auto()  # disconnects each client
    SENDS_HALF_FRAMES = auto()
    SENDS_NOISE = auto()  # bytes that are no JPEG
    SENDS_SMALL_FRAMES = auto()  # of another size
    SENDS_WITHOUT_END = auto()  # a frame that has no end


class Camera:
    """Serves `address` until it is closed; `conduct` may be set at any time."""

    def __init__(self) -> None:
        scene = DemoScene()
        images = [scene.render(number / FPS) for number in range(_FRAMES)]
        self._frames = [_jpeg(image) for image in images]
        self._small = [_jpeg(cv2.resize(image, (320, 240))) for image in images[:FPS]]
        self.conduct = Conduct.FILMS
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/film"

    def close(self) -> None:
        """Disconnect all clients and free the port."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        film = self._film

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                film(self)

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        return Handler

    def _film(self, client: BaseHTTPRequestHandler) -> None:
        if self.conduct is Conduct.IS_GONE:
            return
        client.send_response(200)
        client.send_header("Content-Type", "multipart/x-mixed-replace; boundary=cut")
        client.end_headers()
        number = 0
        try:
            while self.conduct is not Conduct.IS_GONE and not self._over.wait(1 / FPS):
                number += 1
                client.wfile.write(self._part(number))
        except OSError:
            return  # the device has closed its camera

    def _part(self, number: int) -> bytes:
        jpeg = self._frames[number % _FRAMES]
        match self.conduct:
            case Conduct.STALLS:
                return b""
            case Conduct.SENDS_WITHOUT_END:
                return b"--cut\r\n\r\n" + bytes(_ENDLESS_BYTES)
            case Conduct.SENDS_HALF_FRAMES:
                jpeg = jpeg[: len(jpeg) // 2]
            case Conduct.SENDS_NOISE:
                jpeg = jpeg[::-1]
            case Conduct.SENDS_SMALL_FRAMES:
                jpeg = self._small[number % len(self._small)]
        head = f"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        return head.encode() + jpeg + b"\r\n"


def _jpeg(image: Any) -> bytes:
    return bytes(simplejpeg.encode_jpeg(image, 85, colorspace="BGR"))
