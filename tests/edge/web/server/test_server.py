"""The real server on loopback: what it serves, refuses, and how it starts and stops."""

import errno
import socket
import threading
import time
from contextlib import closing, suppress
from http.client import HTTPConnection

import pytest
from flask import Flask, Response, request
from noise_device import Device, ask, noise_device, open_stream, reset
from waiting import eventually

from edge.errors import OutputError
from edge.web.server.connection import Connection
from edge.web.server.server import WebServer, _refusal

device = pytest.fixture(noise_device)


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


def test_the_page_its_files_and_a_picture_are_served(device: Device) -> None:
    for path in ("/", "/palette.css", "/static/page.js", "/snapshot.jpg", "/api/status"):
        with ask(device, path) as answer:
            assert answer.status == 200
            assert answer.read()
            assert answer.getheader("Server") == "emotion-edge"


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
    eventually(lambda: device.scenes.get() is not None, 2)
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
    eventually(lambda: threading.active_count() == before, 2)
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
