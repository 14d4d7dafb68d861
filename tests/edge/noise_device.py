"""The web side of a device whose camera sees noise, on loopback, and viewers of it."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse

import numpy as np
from reporting import Reporting

from edge.config import StreamConfig
from edge.datatypes import Frame, Report, Scene, Snapshot
from edge.history.history import History
from edge.latest import Latest
from edge.web.app import Controls, create_app
from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.authenticator import Access
from edge.web.server.server import RESERVED_THREADS, WebServer
from edge.web.stream import JpegFeed

FPS = 30
MAX_VIEWERS = 4


class Device(Reporting):
    """The web side of a device whose camera sees noise, which makes large JPEGs."""

    def __init__(self) -> None:
        super().__init__()
        self.scenes: Latest[Scene] = Latest()
        self.reports: Latest[Report] = Latest()
        config = StreamConfig(fps=FPS, quality=80, max_viewers=MAX_VIEWERS, privacy="off")
        self.feed = JpegFeed(self.scenes, self.report, config, lambda _: 12)
        app = create_app(
            reports=self.reports,
            report=self.report,
            leds=lambda: None,
            labels=("happy", "sad"),
            feed=self.feed,
            access=Access(AllowedHosts(["test"]), None),
            controls=Controls(pause=self.pause, resume=self.resume),
            history=History(),
        )
        threads = 2 * MAX_VIEWERS + RESERVED_THREADS
        self.server = WebServer(app, "127.0.0.1", 0, threads=threads)
        self.server.start()
        self.feed.start()
        self._over = threading.Event()
        self._camera = threading.Thread(target=self._film)
        self._camera.start()

    def stop(self) -> None:
        self._over.set()
        self._camera.join()
        self.server.stop()
        self.scenes.close()

    def _film(self) -> None:
        noise = np.random.default_rng(1).integers(0, 255, (8, 240, 320, 3), np.uint8)
        seq = 0
        while not self._over.wait(1 / FPS):
            seq, now_s = seq + 1, time.monotonic()
            frame = Frame(bgr=noise[seq % 8], seq=seq, captured_at_s=now_s)
            snapshot = Snapshot(seq=seq, captured_at_s=now_s, faces=(), dominant=None, stage_ms={})
            self.scenes.put(Scene(frame=frame, snapshot=snapshot))


def noise_device() -> Iterator[Device]:
    """The fixture `device` of a test."""
    device = Device()
    yield device
    device.stop()


@contextmanager
def ask(device: Device, path: str, method: str = "GET") -> Iterator[HTTPResponse]:
    """Give the answer on a connection that is closed afterwards, abruptly if it is a stream."""
    with closing(HTTPConnection("127.0.0.1", device.server.port, timeout=5)) as connection:
        connection.request(method, path)
        with closing(connection.getresponse()) as answer:
            yield answer


def open_stream(
    device: Device, path: str = "/stream.mjpg", receive_bytes: int = 0
) -> socket.socket:
    """Return a socket that has asked for a stream and has not read anything."""
    viewer = socket.socket()
    if receive_bytes:
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    viewer.settimeout(5)
    viewer.connect(("127.0.0.1", device.server.port))
    viewer.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    return viewer


def reset(viewer: socket.socket) -> None:
    """Close as a phone that goes to sleep may: with a reset, unread data and all."""
    viewer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    viewer.close()
