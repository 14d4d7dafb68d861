"""Which address answers what, asked without a network."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from flask.testing import FlaskClient
from reporting import Reporting

from edge.config import StreamConfig
from edge.datatypes import BBox, CameraState, FaceState, Frame, LedState, Report, Scene, Snapshot
from edge.history.history import History
from edge.latest import Latest
from edge.palette import colour_of
from edge.web.app import Controls, create_app
from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.authenticator import Access
from edge.web.stream import JpegFeed

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
PAGES = ("/", "/palette.css", "/snapshot.jpg", "/api/status", "/healthz", "/static/page.js")


class Device(Reporting):
    def __init__(self) -> None:
        super().__init__()
        self.detail = "frames arrive"
        self.leds: LedState | None = None
        self.scenes: Latest[Scene] = Latest()
        self.reports: Latest[Report] = Latest()
        self.feed = JpegFeed(
            self.scenes,
            self.report,
            StreamConfig(fps=30, quality=80, max_viewers=1, privacy="off"),
            lambda _: 12,
        )
        self.app = create_app(
            reports=self.reports,
            report=self.report,
            leds=lambda: self.leds,
            labels=LABELS,
            feed=self.feed,
            access=Access(AllowedHosts(["test"]), None),
            controls=Controls(pause=self.pause, resume=self.resume),
            history=History(),
            version="1.2.3",
        )


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    device.scenes.close()


@pytest.fixture
def client(device: Device) -> FlaskClient:
    return device.app.test_client()


def test_the_page_has_a_bar_for_each_label_in_order(client: FlaskClient) -> None:
    text = client.get("/").text
    places = [text.index(f'<li data-label="{label}">') for label in LABELS]
    assert places == sorted(places)
    assert "Nothing leaves this device" in text
    assert "Art. 5(1)(f)" in text


def test_the_page_obeys_its_own_content_policy(client: FlaskClient) -> None:
    answer = client.get("/")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "style=" not in answer.text
    assert "<style" not in answer.text
    assert "http:" not in answer.text
    assert "https:" not in answer.text


def test_the_palette_is_the_one_of_the_other_outputs(client: FlaskClient) -> None:
    css = client.get("/palette.css").text
    for label in LABELS:
        assert f'[data-label="{label}"] {{ --colour: #{bytes(colour_of(label)).hex()};' in css


@pytest.mark.parametrize("path", [*PAGES, "/stream.mjpg", "/events", "/nowhere"])
def test_every_answer_is_protected(client: FlaskClient, path: str) -> None:
    answer = client.get(path, buffered=False)
    answer.close()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers
    if not path.startswith("/static/"):
        endless = path in ("/stream.mjpg", "/events")
        expected = "no-store, no-transform" if endless else "no-store"
        assert answer.headers["Cache-Control"] == expected


def test_the_status_is_the_report_with_leds_viewers_and_version(
    client: FlaskClient, device: Device
) -> None:
    face = FaceState(
        track_id=4, box=BBox(1, 2, 3, 4), label="sad", confidence=0.5, probs={"sad": 0.5}
    )
    device.snapshot = Snapshot(seq=8, captured_at_s=0.0, faces=(face,), dominant="sad", stage_ms={})
    device.leds = LedState(mode="rgb", levels={"red": 0.5})
    status = client.get("/api/status").get_json()
    assert status == {
        **device.report().to_dict(),
        "leds": {"mode": "rgb", "levels": {"red": 0.5}},
        "picture_age_ms": None,
        "viewers": 0,
        "version": "1.2.3",
        "auth": "none",
        "privacy": "off",
        "settings_version": 0,
    }
    assert status["snapshot"]["faces"][0]["label"] == "sad"


def test_the_status_without_leds_and_before_the_first_frame(client: FlaskClient) -> None:
    status = client.get("/api/status").get_json()
    assert status["leds"] is None
    assert status["snapshot"] is None


def test_healthz_is_ok_only_while_the_camera_is_live(client: FlaskClient, device: Device) -> None:
    assert (client.get("/healthz").status_code, client.get("/healthz").text) == (200, "ok\n")
    device.camera, device.detail = CameraState.LOST, "USB camera 0:\nno frame for 2.0 s"
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.text == "lost: USB camera 0: no frame for 2.0 s\n"
    device.camera, device.detail = CameraState.PAUSED, ""
    assert client.get("/healthz").text == "paused\n"


def test_a_snapshot_is_a_jpeg_of_the_frame(client: FlaskClient, device: Device) -> None:
    notice = client.get("/snapshot.jpg")
    assert notice.mimetype == "image/jpeg"
    assert simplejpeg.decode_jpeg(notice.data).shape == (480, 640, 3)
    device.scenes.put(_fresh_scene((120, 160, 3)))
    assert simplejpeg.decode_jpeg(client.get("/snapshot.jpg").data).shape == (120, 160, 3)


def test_the_age_is_that_of_the_picture_shown(client: FlaskClient, device: Device) -> None:
    device.scenes.put(_fresh_scene((120, 160, 3), age_s=0.5))
    parts = device.feed.parts()
    for _ in range(2):
        next(parts)
    assert 500 <= client.get("/api/status").get_json()["picture_age_ms"] < 1700
    device.camera = CameraState.LOST
    next(parts)
    assert client.get("/api/status").get_json()["picture_age_ms"] is None
    parts.close()


def test_events_carry_the_status_and_whether_the_picture_runs(
    client: FlaskClient, device: Device
) -> None:
    device.feed.viewers.add("me")
    assert _first_event(client, "/events?viewer=me")["watching"] is True
    event = _first_event(client, "/events?viewer=you")
    assert event["watching"] is False
    assert event["watched_as"] == []
    event = _first_event(client, "/events?viewer=you&viewer=me")
    assert (event["watching"], event["watched_as"]) == (True, ["me"])
    assert event.keys() - {"watching", "watched_as"} == client.get("/api/status").get_json().keys()


def test_a_viewer_too_many_is_told_when_to_come_back(client: FlaskClient, device: Device) -> None:
    device.feed.viewers.add("another")
    answer = client.get("/stream.mjpg")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Too many viewers, the limit is 1" in answer.get_json()["error"]
    assert client.head("/stream.mjpg").status_code == 503


@pytest.mark.parametrize("path", ["/stream.mjpg", "/events"])
def test_a_seat_is_given_back_even_by_who_left_before_the_first_byte(
    client: FlaskClient, device: Device, path: str
) -> None:
    for _ in range(3):
        answer = client.get(path, buffered=False)
        assert answer.status_code == 200
        answer.close()
        with client.head(path) as head:
            assert head.status_code == 200
    assert len(device.feed.viewers) == 0


@pytest.mark.parametrize("path", PAGES)
def test_head_answers_like_get_without_a_body(client: FlaskClient, path: str) -> None:
    with client.head(path) as answer:
        assert answer.status_code == 200
        assert answer.data == b""


@pytest.mark.parametrize("path", [*PAGES, "/stream.mjpg", "/events"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_written(client: FlaskClient, path: str, method: str) -> None:
    answer = client.open(path, method=method, data=b"x" * 100)
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.get_json() == {"error": f"405 Method Not Allowed: {method} {path}"}
    assert answer.text.count("\n") == 1


@pytest.mark.parametrize("path", ["/nowhere", "/static/../app.py", "/static/%2e%2e/app.py"])
def test_an_unknown_address_is_refused_in_one_line_of_json(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.get_json()["error"].startswith("404 Not Found: GET /")
    assert answer.text.count("\n") == 1


def test_the_page_weighs_little(client: FlaskClient, device: Device) -> None:
    files = list(Path(device.app.static_folder or "").iterdir())
    assert len(files) > 5
    weight = sum(len(client.get(path).data) for path in ("/", "/palette.css"))
    assert weight + sum(file.stat().st_size for file in files) < 150_000


def test_every_label_has_an_icon(client: FlaskClient) -> None:
    with client.get("/static/faces.svg") as answer:
        for label in (*LABELS, "uncertain"):
            assert f'<symbol id="{label}"' in answer.text


def _first_event(client: FlaskClient, path: str) -> dict[str, Any]:
    answer = client.get(path, buffered=False)
    line = next(iter(answer.response))
    answer.close()
    text = line.decode() if isinstance(line, bytes) else line
    event: dict[str, Any] = json.loads(text.removeprefix("data: "))
    return event


def _fresh_scene(shape: tuple[int, int, int], age_s: float = 0.0) -> Scene:
    now_s = time.monotonic() - age_s
    frame = Frame(bgr=np.zeros(shape, np.uint8), seq=1, captured_at_s=now_s)
    snapshot = Snapshot(seq=1, captured_at_s=now_s, faces=(), dominant=None, stage_ms={})
    return Scene(frame=frame, snapshot=snapshot)
