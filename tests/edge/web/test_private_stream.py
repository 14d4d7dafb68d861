"""What a stream and a snapshot show in each privacy mode, and when."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
import simplejpeg
from hidden_faces import FACE, ROUND, detail, scene_of
from reporting import Reporting

from edge.config import StreamConfig
from edge.datatypes import BBox, Scene
from edge.history.history import History
from edge.latest import Latest
from edge.web.app import Controls, create_app
from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.authenticator import Access
from edge.web.placeholder import Notice, draw_notice
from edge.web.server.server import WebServer
from edge.web.stream import JpegFeed


class Device(Reporting):
    """A camera at 30 frames a second that sees a face, which is found in every frame."""

    def __init__(self) -> None:
        super().__init__()
        self.scenes: Latest[Scene] = Latest()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._film)
        self._thread.start()

    def feed(self, privacy: str, frames: int = ROUND) -> JpegFeed:
        config = StreamConfig(fps=30, quality=90, max_viewers=3, privacy=privacy)  # type: ignore[arg-type]
        return JpegFeed(self.scenes, self.report, config, lambda _: frames)

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self.scenes.close()

    def _film(self) -> None:
        seq = 0
        while not self._over.wait(1 / 30):
            seq += 1
            self.scenes.put(scene_of(seq, faces=(FACE,), at_s=time.monotonic()))


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    assert device.scenes.wait_newer(0, 5.0)
    yield device
    device.stop()


@pytest.mark.parametrize("privacy", ["off", "pixelate", "boxes-only"])
def test_what_is_sent_is_what_the_mode_allows(device: Device, privacy: str) -> None:
    feed = device.feed(privacy)
    jpegs = [feed.current_jpeg()]
    version = 0
    while len(jpegs) < 12:
        newer = feed.wait_newer(version)
        assert newer
        version = newer[0]
        jpegs.append(newer[1])
    for jpeg in jpegs:
        picture = simplejpeg.decode_jpeg(jpeg, "BGR")
        forehead, room = BBox(262, 225, 358, 280), BBox(10, 10, 150, 150)
        assert (detail(picture, forehead) > 25) == (privacy == "off")
        assert (detail(picture, room) > 25) == (privacy != "boxes-only")


def test_the_age_told_is_that_of_the_picture_shown(device: Device) -> None:
    feed = device.feed("pixelate")
    assert feed.age_s() is None
    parts = feed.parts()
    for _ in range(6):
        next(parts)
    age_s = feed.age_s()
    parts.close()
    assert age_s is not None
    assert (ROUND - 1) / 30 < age_s < 3


def test_a_slow_camera_has_a_picture_for_who_asks_for_one(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.web.stream._FIRST_JPEG_S", 0.1)  # the round takes four times as long
    picture = simplejpeg.decode_jpeg(device.feed("pixelate").current_jpeg(), "BGR")
    assert detail(picture, BBox(10, 10, 150, 150)) > 25


def test_a_viewer_is_told_why_there_is_no_picture_yet(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.web.stream._FIRST_JPEG_S", 0.1)
    told: list[Notice] = []
    monkeypatch.setattr("edge.web.encoder.draw_notice", lambda n: told.append(n) or draw_notice(n))
    assert device.feed("pixelate").wait_newer(0)
    assert [notice.title for notice in told] == ["Searching for faces to hide"]


def test_the_server_does_not_wait_for_a_late_picture_to_begin_its_answer(device: Device) -> None:
    """It disconnects from an answer that does not begin in time, and a slow camera takes longer."""
    feed = device.feed("pixelate", frames=20)
    app = create_app(
        reports=Latest(),
        report=device.report,
        leds=lambda: None,
        labels=("happy",),
        feed=feed,
        access=Access(AllowedHosts(), None),
        controls=Controls(pause=lambda: None, resume=lambda: None),
        history=History(),
    )
    server = WebServer(app, "127.0.0.1", 0, threads=2)
    server.start()
    try:
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
            connection.request("GET", "/snapshot.jpg")
            answer = connection.getresponse()
            assert feed.age_s() is None
            picture = simplejpeg.decode_jpeg(answer.read(), "BGR")
    finally:
        server.stop()
    assert detail(picture, BBox(10, 10, 150, 150)) > 25
    assert detail(picture, FACE) < 25
