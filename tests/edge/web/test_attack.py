"""One address attacks; another, and the device itself, must not notice.

Addresses of 127.0.0.0/8 stand for different clients. The limits are generous, because the machine
may be busy: an attack lasts much longer than an answer may take.
"""

import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
from flask import Flask, Response
from gated import CODE, Device

from edge.web.auth.known_clients import KnownClients
from edge.web.certificate import keep_certificate
from edge.web.server.server import WebServer

ATTACKER, OTHER = "127.0.0.1", "127.0.0.2"
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
SOON_S = 2.0


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(tmp_path / "ended-logins")
    yield device
    device.scenes.close()


@contextmanager
def serving(app: Flask, threads: int = 8, known: KnownClients | None = None) -> Iterator[WebServer]:
    server = WebServer(app, "127.0.0.1", 0, threads=threads, known=known)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def connect(port: int, source: str = ATTACKER) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0))


def ask(port: int, source: str, head: bytes = HEAD) -> float:
    """Return after how many seconds an answer with status 200 arrived."""
    started_s = time.monotonic()
    with closing(connect(port, source)) as client:
        client.sendall(head + b"Connection: close\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    return time.monotonic() - started_s


def received_until(client: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        more = client.recv(1000)
        assert more, "hung up on"
        received += more
    return received


@contextmanager
def crowd(port: int, number: int, said: bytes, then: bytes = b"") -> Iterator[list[socket.socket]]:
    """Give many connections of the attacker, each having said something and going on to."""
    over = threading.Event()
    with ExitStack() as opened:
        clients = []
        for _ in range(number):
            clients.append(opened.enter_context(closing(connect(port))))
            with suppress(OSError):  # hung up on already
                clients[-1].sendall(said)

        def go_on() -> None:
            while then and not over.wait(0.1):
                for client in clients:
                    with suppress(OSError):
                        client.sendall(then)

        talking = threading.Thread(target=go_on)
        talking.start()
        try:
            yield clients
        finally:
            over.set()
            talking.join()


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


def test_without_descriptors_it_serves_on_and_dies_of_nothing() -> None:
    with device_with_descriptors(64) as (process, port):
        with crowd(port, 144, b""):
            assert ask(port, OTHER) < SOON_S
        assert ask(port, OTHER, b"GET /take HTTP/1.1\r\nHost: a\r\n") < SOON_S
        used_s = cpu_s(process.pid)
        with crowd(port, 30, b""):
            time.sleep(1)
            assert cpu_s(process.pid) - used_s < 0.5  # it does not spin
        assert ask(port, OTHER, b"GET /give HTTP/1.1\r\nHost: a\r\n") < 3 * SOON_S
        assert ask(port, OTHER) < SOON_S
        process.terminate()
        said = process.communicate(timeout=5)[1]
    assert "Traceback" not in said
    assert len(said) < 1000


@contextmanager
def device_with_descriptors(number: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Give a device that may open so many files; /take and /give take all and give them back."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(number)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


SCRIPT = """
    import logging, os, resource, sys, threading, time
    from flask import Flask
    from edge.config import ThermalConfig
    from edge.system.thermal import ThermalMonitor
    from edge.web.server.server import WebServer

    logging.basicConfig()
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
    app, held = Flask("device"), []
    fast_clock = lambda: time.monotonic() * 1e6  # so that each call reads the files
    monitor = ThermalMonitor(ThermalConfig(hot_c=80.0), clock=fast_clock)

    def take():
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            return repr(monitor.vitals())

    def give():
        while held:
            os.close(held.pop())
        return "given"

    app.add_url_rule("/take", view_func=take)
    app.add_url_rule("/give", view_func=give)
    app.add_url_rule("/healthz", view_func=lambda: repr(monitor.vitals()))
    server = WebServer(app, "127.0.0.1", 0, threads=8)
    server.start()
    print(server.port, flush=True)
    threading.Event().wait()
"""


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("said", [b"", b"GET", b"GET / HTTP/1.1\r\n\r\n", b"\x00"])
def test_stopping_takes_no_time_with_many_who_hang(device: Device, said: bytes) -> None:
    before = threading.active_count()
    with ExitStack() as left:
        server = left.enter_context(serving(device.app))
        left.enter_context(crowd(server.port, 100, said))
        until(lambda: threading.active_count() > before, SOON_S)
        started_s = time.monotonic()
        server.stop()
        assert time.monotonic() - started_s < 2
    until(lambda: threading.active_count() == before, SOON_S)


def until(true: Callable[[], bool], limit_s: float) -> None:
    ends_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < ends_s, f"not within {limit_s} s"
        time.sleep(0.02)
