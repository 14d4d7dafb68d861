"""One address attacks; another, and the device itself, must not notice.

Addresses of 127.0.0.0/8 stand for different clients. The limits are generous, because the machine
may be busy: an attack lasts much longer than an answer may take.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from crowds import ATTACKER, HEAD, OTHER, SOON_S, ask, connect, crowd, serving
from flask import Flask, Response
from gated import CODE, Device
from waiting import eventually

from edge.web.certificate import keep_certificate
from edge.web.server.server import WebServer


def received_until(client: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        more = client.recv(1000)
        assert more, "hung up on"
        received += more
    return received


@pytest.mark.parametrize(
    ("said", "then"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nX: ", b"x"),
        (b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n", b"x"),
        # Whole requests without end, whose answers are not read.
        (b"GET /static/style.css HTTP/1.1\r\nHost: a\r\n\r\n" * 50, b""),
    ],
    ids=["silent", "half a head", "half a body", "unread answers"],
)
def test_many_half_requests_of_one_address_hold_up_nobody(
    device: Device, said: bytes, then: bytes
) -> None:
    with serving(device.app) as server, crowd(server.port, 60, said, then):
        for source in (OTHER, OTHER, ATTACKER):
            assert ask(server.port, source) < SOON_S


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"])
def test_many_half_handshakes_hold_up_nobody(device: Device, tmp_path: Path, said: bytes) -> None:
    pytest.importorskip("cryptography", reason="the extra tls is not installed")
    context = keep_certificate(tmp_path).server_context()
    server = WebServer(device.app, "127.0.0.1", 0, threads=4, tls=context)
    server.start()
    try:
        with crowd(server.port, 60, said), closing(connect(server.port, OTHER)) as client:
            started_s = time.monotonic()
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")  # is told to use https, which takes a turn
            assert b"https only" in client.recv(1000)
            assert time.monotonic() - started_s < SOON_S
    finally:
        server.stop()


def test_more_connections_than_there_may_be_displace_the_attackers_own(device: Device) -> None:
    with serving(device.app) as server, closing(connect(server.port, OTHER)) as early:
        early.sendall(HEAD)
        with crowd(server.port, 400, b"G") as clients:
            assert ask(server.port, OTHER) < SOON_S
            early.sendall(b"\r\n")
            assert early.recv(1000).startswith(b"HTTP/1.1 200")
            clients[0].settimeout(SOON_S)
            assert clients[0].recv(100) == b""


def test_many_addresses_do_not_displace_one_that_is_logged_in(device: Device) -> None:
    code = f"Authorization: Bearer {CODE}\r\n\r\n".encode()
    status = b"GET /api/status HTTP/1.1\r\nHost: localhost\r\n"
    with serving(device.app, known=device.access.known) as server, ExitStack() as opened:

        def enter(source: str) -> socket.socket:
            return opened.enter_context(closing(connect(server.port, source)))

        own = [enter(OTHER) for _ in range(6)]
        own[0].sendall(status + code)
        received_until(own[0], b"}\n")
        for client in own:
            client.sendall(status)
        for number in range(300):  # more than there may be connections
            enter(f"127.0.{1 + number // 200}.{1 + number % 200}").sendall(b"G")
        assert ask(server.port, ATTACKER) < SOON_S  # all of them were accepted
        for client in own:
            client.sendall(code)
            assert client.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize("path", ["/stream.mjpg", "/events"])
def test_one_address_cannot_keep_all_viewer_places(device: Device, path: str) -> None:
    watch = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {CODE}\r\n\r\n".encode()
    )
    with serving(device.app) as server, ExitStack() as opened:
        greedy = [opened.enter_context(closing(connect(server.port))) for _ in range(3)]
        for viewer, status in zip(greedy, (b"200", b"200", b"503"), strict=True):
            viewer.sendall(watch)  # one after the other: the newest loses its place
            assert viewer.recv(12) == b"HTTP/1.1 " + status
        other = opened.enter_context(closing(connect(server.port, OTHER)))
        other.sendall(watch.replace(b"GET", b"HEAD"))  # asking alone takes no place
        assert other.recv(12) == b"HTTP/1.1 200"
        other = opened.enter_context(closing(connect(server.port, OTHER)))
        other.sendall(watch)
        assert other.recv(12) == b"HTTP/1.1 200"
        greedy[1].settimeout(20)
        received_until(greedy[1], b"\r\n0\r\n\r\n")  # the chunk that ends a response
        assert greedy[0].recv(100)


def test_one_address_cannot_have_all_the_threads() -> None:
    app, busy, release = Flask(__name__), threading.Semaphore(0), threading.Event()

    @app.get("/slow")
    def slow() -> str:
        busy.release()
        release.wait(20)
        return "slow"

    app.add_url_rule("/healthz", view_func=lambda: "ok")
    slow_head = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
    with serving(app, threads=8) as server:
        try:
            with crowd(server.port, 20, slow_head):
                for _ in range(6):
                    assert busy.acquire(timeout=5)
                assert ask(server.port, OTHER) < SOON_S
        finally:
            release.set()


def test_a_jump_of_the_wall_clock_hangs_up_on_nobody(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(device.app) as server, closing(connect(server.port)) as client:
        for jump_s in (1e8, -1e8):
            client.sendall(HEAD + b"\r\n")
            assert received_until(client, b"\r\n\r\nok\n").startswith(b"HTTP/1.1 200")
            now_s = time.time() + jump_s
            monkeypatch.setattr(time, "time", lambda now_s=now_s: now_s)
            time.sleep(1.2)  # longer than between two looks for connections whose time is over
        client.sendall(HEAD + b"\r\n")
        assert received_until(client, b"\r\n\r\nok\n").startswith(b"HTTP/1.1 200")
        client.settimeout(9)
        assert client.recv(100) == b""  # after some seconds, though the clock is years back


def test_who_reads_slowly_is_not_taken_for_one_who_stalled() -> None:
    app, ended = Flask(__name__), threading.Event()

    def parts() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 30_000
        finally:
            ended.set()

    app.add_url_rule("/", view_func=lambda: Response(parts()))
    with serving(app) as server, closing(connect(server.port)) as viewer:
        viewer.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        ends_s = time.monotonic() + 7
        while time.monotonic() < ends_s:  # at 10 KB/s its full buffers would not open for 12 s
            assert viewer.recv(1000)
            time.sleep(0.1)
        assert not ended.is_set()


@pytest.mark.parametrize("said", [b"", b"GET", b"GET / HTTP/1.1\r\n\r\n", b"\x00"])
def test_stopping_takes_no_time_with_many_who_hang(device: Device, said: bytes) -> None:
    before = threading.active_count()
    with ExitStack() as left:
        server = left.enter_context(serving(device.app))
        left.enter_context(crowd(server.port, 100, said))
        eventually(lambda: threading.active_count() > before, SOON_S)
        started_s = time.monotonic()
        server.stop()
        assert time.monotonic() - started_s < 2
    eventually(lambda: threading.active_count() == before, SOON_S)
