"""The real server on loopback, and viewers who stall, leave, crowd and misbehave."""

import errno
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse

import numpy as np
import pytest
from flask import Flask, Response, request

from edge.config import StreamConfig
from edge.datatypes import CameraState, Frame, Health, Report, Scene, Snapshot
from edge.errors import OutputError
from edge.history.history import History
from edge.latest import Latest
from edge.web.app import Controls, create_app
from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.authenticator import Access
from edge.web.server.connection import Connection
from edge.web.server.server import RESERVED_THREADS, WebServer, _refusal
from edge.web.stream import JpegFeed

FPS = 30
MAX_VIEWERS = 4


class Device:
    """The web side of a device whose camera sees noise, which makes large JPEGs."""

    def __init__(self) -> None:
        self.camera = CameraState.LIVE
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

    def pause(self) -> None:
        self.camera = CameraState.PAUSED

    def resume(self) -> None:
        self.camera = CameraState.LIVE

    def report(self) -> Report:
        health = Health(
            camera=self.camera,
            detail="unplugged",
            source="noise",
            fps=FPS,
            age_s=0.0,
            uptime_s=1.0,
        )
        return Report(snapshot=None, health=health)

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


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    device.stop()


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


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


def until(true: Callable[[], bool], limit_s: float) -> float:
    """Return the seconds until it is true; fails after `limit_s`."""
    started_s = time.monotonic()
    while not true():
        assert time.monotonic() - started_s < limit_s, f"not within {limit_s} s"
        time.sleep(0.02)
    return time.monotonic() - started_s


def parts_in(viewer: socket.socket, duration_s: float) -> int:
    """Return how many frames arrive in that time."""
    ends_s, count, tail = time.monotonic() + duration_s, 0, b""
    while time.monotonic() < ends_s:
        tail += viewer.recv(65536)
        count += tail.count(b"--frame\r\n")
        tail = tail[-8:]
    return count


def test_the_page_its_files_and_a_picture_are_served(device: Device) -> None:
    for path in ("/", "/palette.css", "/static/page.js", "/snapshot.jpg", "/api/status"):
        with ask(device, path) as answer:
            assert answer.status == 200
            assert answer.read()
            assert answer.getheader("Server") == "emotion-edge"


def test_a_stalled_viewer_is_dropped_and_slows_nobody(device: Device) -> None:
    with closing(open_stream(device)) as reader:
        alone = parts_in(reader, 2)
        stalled = open_stream(device, receive_bytes=4096)
        until(lambda: len(device.feed.viewers) == 2, 2)
        started_s = time.monotonic()
        beside = parts_in(reader, 2)
        while len(device.feed.viewers) == 2 and time.monotonic() - started_s < 8:
            parts_in(reader, 0.1)
        assert time.monotonic() - started_s < 6.5  # six and the moment it takes to fill up
        stalled.close()
    assert alone > FPS  # in two seconds: half the rate is plenty on a busy machine
    assert beside > 0.7 * alone


def test_viewers_who_leave_abruptly_leave_no_thread_and_no_seat(device: Device) -> None:
    until(lambda: device.scenes.get() is not None, 2)
    before = threading.active_count()
    for round_number in range(20):
        with ask(device, "/") as answer:
            assert answer.read()
        for path in ("/stream.mjpg", "/events"):
            viewer = open_stream(device, path)
            if round_number % 2:
                assert viewer.recv(100)
            reset(viewer)
        time.sleep(0.05)
    until(lambda: len(device.feed.viewers) == 0, 4)
    assert threading.active_count() == before
    with ask(device, "/api/status") as answer:
        assert json.loads(answer.read())["viewers"] == 0


def test_an_answer_is_closed_though_the_client_left_before_its_head(app: Flask) -> None:
    asked, left, closed = threading.Event(), threading.Event(), threading.Event()

    @app.get("/")
    def unchanged() -> Response:
        asked.set()
        left.wait(5)
        answer = Response(status=304)  # without a body: the head is all that is sent
        answer.call_on_close(closed.set)
        return answer

    server = WebServer(app, "127.0.0.1", 0, threads=1)
    server.start()
    try:
        client = socket.create_connection(("127.0.0.1", server.port), 5)
        client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert asked.wait(5)
        reset(client)
        left.set()
        assert closed.wait(5)
    finally:
        server.stop()


@pytest.mark.parametrize("path", ["/stream.mjpg", "/events"])
def test_viewers_beyond_the_cap_are_told_so_and_places_come_back(device: Device, path: str) -> None:
    viewers = [open_stream(device, path) for _ in range(MAX_VIEWERS)]
    assert all(viewer.recv(100).startswith(b"HTTP/1.1 200") for viewer in viewers)
    with ask(device, path) as answer:
        assert answer.status == 503
        assert answer.getheader("Retry-After") == "5"
        assert b"Too many viewers" in answer.read()
    with ask(device, "/healthz") as answer:
        assert answer.status == 200
    reset(viewers.pop())

    def is_free() -> bool:
        with ask(device, path, "HEAD") as answer:
            return answer.status == 200

    until(is_free, 3)
    for viewer in viewers:
        viewer.close()


def test_the_stream_shows_a_lost_camera_within_two_seconds(device: Device) -> None:
    def next_length(reader: HTTPResponse) -> int:
        while not (line := reader.readline()).startswith(b"Content-Length"):
            assert line
        return int(line.split(b":")[1])

    with ask(device, "/stream.mjpg") as reader:
        picture = next_length(reader)
        device.camera = CameraState.LOST
        lost_s = time.monotonic()
        while next_length(reader) > picture / 2:  # noise is large, a notice is small
            assert time.monotonic() - lost_s < 2
        device.camera = CameraState.LIVE
        while next_length(reader) < picture / 2:
            assert time.monotonic() - lost_s < 5


def test_events_arrive_and_do_not_queue(device: Device) -> None:
    with ask(device, "/events?viewer=me") as reader:
        assert reader.getheader("Content-Type", "").startswith("text/event-stream")
        event = json.loads(reader.readline().removeprefix(b"data: "))
        assert event["health"]["camera"] == "live"
        assert event["watching"] is False


def test_head_and_post_do_not_upset_a_connection(device: Device) -> None:
    connection = HTTPConnection("127.0.0.1", device.server.port, timeout=5)
    with closing(connection):
        for method, path, status in (
            ("HEAD", "/", 200),
            ("POST", "/api/status", 405),
            ("GET", "/nowhere", 404),
            ("HEAD", "/healthz", 200),
            ("GET", "/healthz", 200),
        ):
            connection.request(method, path, b"x" * 50 if method == "POST" else None)
            answer = connection.getresponse()
            assert answer.status == status
            answer.read()


def test_an_oversized_body_is_refused(device: Device) -> None:
    with closing(open_stream(device, "/")) as viewer:
        viewer.recv(100)
    head = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", device.server.port), 5)) as viewer:
        viewer.sendall(head)
        assert viewer.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "head",
    [b"GET / HTTP/1.1\r\nX: ", b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n"],
)
def test_who_doles_out_a_request_byte_by_byte_is_hung_up_on(app: Flask, head: bytes) -> None:
    app.add_url_rule("/login", view_func=lambda: request.form.get("code", ""), methods=["POST"])
    server = WebServer(app, "127.0.0.1", 0, threads=2)
    server.start()
    hung_up: list[float] = []

    def dole_out() -> None:
        started_s = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port), 5) as client, suppress(OSError):
            client.sendall(head)
            while time.monotonic() - started_s < 20:
                client.sendall(b"x")
                time.sleep(0.5)
        hung_up.append(time.monotonic() - started_s)

    clients = [threading.Thread(target=dole_out) for _ in range(2)]
    for client in clients:
        client.start()
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=5)) as connection:
        connection.request("GET", "/nowhere")  # they hold no thread
        assert connection.getresponse().status == 404
    for client in clients:
        client.join()
    server.stop()
    assert all(9 < after_s < 14 for after_s in hung_up)


def test_a_request_in_very_many_pieces_is_read_a_few_times_a_second(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, advance = [], Connection.advance

    def counted(connection: Connection) -> bool:
        reads.append(time.monotonic())
        return advance(connection)

    monkeypatch.setattr(Connection, "advance", counted)
    with closing(socket.create_connection(("127.0.0.1", device.server.port), 5)) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: test\r\nX: ")
        began_s = time.monotonic()
        for _ in range(300):
            client.sendall(b"x")
            time.sleep(0.005)
        took_s = time.monotonic() - began_s
        client.sendall(b"\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
    assert len(reads) < 20 + 5 * took_s


def test_noise_instead_of_http_is_refused(device: Device) -> None:
    with closing(socket.create_connection(("127.0.0.1", device.server.port), 5)) as viewer:
        viewer.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert viewer.recv(100).startswith(b"HTTP/1.1 400")
    with ask(device, "/healthz") as answer:
        assert answer.status == 200


def test_stopping_takes_no_time_whoever_is_connected() -> None:
    before = threading.active_count()
    device = Device()
    until(lambda: device.scenes.get() is not None, 2)
    reader, events = open_stream(device), open_stream(device, "/events")
    assert reader.recv(100)
    assert events.recv(100)
    stalled = open_stream(device, receive_bytes=4096)
    idle = socket.create_connection(("127.0.0.1", device.server.port), 5)
    time.sleep(1)  # for the stalled one's buffers to fill up
    started_s = time.monotonic()
    device.server.stop()
    assert time.monotonic() - started_s < 2
    device.server.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", device.server.port), 1)
    device.stop()
    until(lambda: threading.active_count() == before, 2)
    for viewer in (reader, events, stalled, idle):
        viewer.close()


def test_the_same_port_serves_again_after_a_stop(app: Flask) -> None:
    first = WebServer(app, "127.0.0.1", 0, threads=1)
    first.start()
    viewer = socket.create_connection(("127.0.0.1", first.port), 5)
    first.stop()
    viewer.close()
    second = WebServer(app, "127.0.0.1", first.port, threads=1)
    second.start()
    assert second.port == first.port
    second.stop()


def test_a_port_in_use_is_refused_in_one_line(device: Device, app: Flask) -> None:
    port = device.server.port
    with pytest.raises(OutputError, match="in use") as refusal:
        WebServer(app, "127.0.0.1", port, threads=1).start()
    expected = f"web: cannot listen on 127.0.0.1 port {port}: "
    reason = "the port is in use; choose another with --port 8090 or [web] port"
    assert str(refusal.value) == expected + reason


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_host_that_is_not_this_machine_is_refused(app: Flask, host: str) -> None:
    server = WebServer(app, host, 0, threads=1)
    with pytest.raises(OutputError, match=r"\[web\] host"):
        server.start()
    server.stop()


def test_a_reserved_port_is_refused_with_what_to_do() -> None:
    # Made up, because the tests may run as root, for whom no port is reserved.
    error = _refusal("0.0.0.0", 80, PermissionError(errno.EACCES, "Permission denied"))  # noqa: S104
    assert "set [web] port to 1024 or more" in str(error)
    assert error.exit_code == 2  # for systemd: another try would not help
    assert _refusal("127.0.0.1", 80, OSError(errno.EADDRINUSE, "Address in use")).exit_code == 1


def test_stopping_before_starting_is_fine(app: Flask) -> None:
    WebServer(app, "127.0.0.1", 0, threads=1).stop()
