"""https with the device's own certificate, and clients that do not finish their handshake."""

import logging
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask, Response, request

from edge.web.certificate import Certificate, keep_certificate
from edge.web.server.server import WebServer

pytest.importorskip("cryptography", reason="the extra tls is not installed")

THREADS = 4


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return keep_certificate(tmp_path_factory.mktemp("state"), ["pi.example.org", "bücher.example"])


@pytest.fixture
def server(certificate: Certificate) -> Iterator[WebServer]:
    app = Flask(__name__)

    @app.get("/")
    def secure() -> str:
        return "secure" if request.is_secure else "plain"

    @app.get("/stream")
    def stream() -> Response:
        return Response((b"x" * 65536 for _ in range(10_000)), mimetype="image/jpeg")

    server = WebServer(app, "127.0.0.1", 0, threads=THREADS, tls=certificate.server_context())
    server.start()
    yield server
    server.stop()


def trusting(certificate: Certificate, **limits: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificate.path))
    for name, version in limits.items():
        setattr(context, name, version)
    return context


def connect(server: WebServer, certificate: Certificate, name: str = "localhost") -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", server.port), 5)
    return trusting(certificate).wrap_socket(raw, server_hostname=name)


def ask(server: WebServer, certificate: Certificate, name: str = "localhost") -> bytes:
    with closing(connect(server, certificate, name)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while more := client.recv(65536):
            answer += more
    return answer


@pytest.mark.parametrize(
    "name",
    ["localhost", "127.0.0.1", "pi.example.org", f"{socket.gethostname().partition('.')[0]}.local"],
)
def test_the_page_is_served_under_every_name(
    server: WebServer, certificate: Certificate, name: str
) -> None:
    answer = ask(server, certificate, name)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"secure")


def test_one_connection_serves_many_requests(server: WebServer, certificate: Certificate) -> None:
    with closing(connect(server, certificate)) as client:
        for _ in range(5):
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"secure"):
                answer += client.recv(65536)


def test_old_tls_is_refused(server: WebServer, certificate: Certificate) -> None:
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context = trusting(certificate, maximum_version=ssl.TLSVersion.TLSv1_1)
    context.set_ciphers("ALL:@SECLEVEL=0")
    raw = socket.create_connection(("127.0.0.1", server.port), 5)
    with closing(raw), pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(raw, server_hostname="localhost")


def test_plain_http_is_told_to_use_https(server: WebServer) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), 5)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = client.recv(1000)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"https only" in answer


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"])
def test_clients_that_stall_in_their_handshake_keep_nobody_waiting(
    server: WebServer, certificate: Certificate, said: bytes
) -> None:
    stalled = []
    for _ in range(THREADS - 1 if said else 5 * THREADS):
        client = socket.create_connection(("127.0.0.1", server.port), 5)
        client.sendall(said)
        stalled.append(client)
    time.sleep(0.2)  # until they are being waited for
    started_s = time.monotonic()
    for _ in range(3):
        assert ask(server, certificate).endswith(b"secure")
    assert time.monotonic() - started_s < 2
    for client in stalled:
        client.settimeout(9)
        assert client.recv(100) == b""  # hung up on, after the timeout
        client.close()


def test_noise_is_dropped_and_leaves_no_trace_in_the_log(
    server: WebServer, certificate: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), 5)) as client:
        client.sendall(b"\x00" * 500)
        client.recv(100)
    assert ask(server, certificate).endswith(b"secure")
    assert [r for r in caplog.records if r.levelno > logging.DEBUG] == []


def test_a_stalled_viewer_is_dropped_quietly(
    server: WebServer, certificate: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(server, certificate)
    client.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(6.5)
    received = 0
    with suppress(OSError), closing(client):
        while more := client.recv(65536):
            received += len(more)
    assert 0 < received < 100 * 65536  # the rest was cut off
    assert [r for r in caplog.records if r.levelno > logging.DEBUG] == []


def test_stopping_hangs_up_on_everyone(certificate: Certificate) -> None:
    before = threading.active_count()
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: Response((b"x" for _ in iter(int, 1)), 200))
    server = WebServer(app, "127.0.0.1", 0, threads=3, tls=certificate.server_context())
    server.start()
    clients = [connect(server, certificate) for _ in range(2)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(10)
    silent = socket.create_connection(("127.0.0.1", server.port), 5)
    started_s = time.monotonic()
    server.stop()
    assert time.monotonic() - started_s < 2
    for client in (*clients, silent):
        client.close()
    deadline_s = time.monotonic() + 3
    while threading.active_count() > before and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert threading.active_count() == before


def test_the_certificate_is_kept_and_its_key_is_private(tmp_path: Path) -> None:
    first = keep_certificate(tmp_path)
    assert keep_certificate(tmp_path) == first
    assert stat.S_IMODE(first.key_path.stat().st_mode) == 0o600
    assert len(first.fingerprint) == 95


def test_it_is_made_anew_in_its_last_month_or_when_it_is_damaged(tmp_path: Path) -> None:
    first = keep_certificate(tmp_path)
    soon = datetime.now(UTC) + timedelta(days=360)
    assert keep_certificate(tmp_path, now=soon) == first
    late = soon + timedelta(days=10)
    second = keep_certificate(tmp_path, now=late)
    assert second.fingerprint != first.fingerprint
    second.key_path.write_bytes(b"")
    third = keep_certificate(tmp_path, now=late)
    assert third.fingerprint != second.fingerprint
    third.server_context()
    assert keep_certificate(tmp_path, now=late) == third


def test_it_holds_the_names_that_browsers_ask_for(certificate: Certificate) -> None:
    from cryptography import x509

    found = x509.load_pem_x509_certificate(certificate.path.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"pi.example.org", "xn--bcher-kva.example", "localhost"} <= set(
        names.get_values_for_type(x509.DNSName)
    )


@pytest.mark.parametrize("host", ["", "with space", "ü" * 64, "x" * 64, "under_score", "a..b"])
def test_a_machine_with_an_odd_name_gets_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    keep_certificate(tmp_path).server_context()


def test_phones_accept_how_long_it_is_valid(certificate: Certificate) -> None:
    from cryptography import x509

    found = x509.load_pem_x509_certificate(certificate.path.read_bytes())
    assert found.not_valid_after_utc - found.not_valid_before_utc <= timedelta(days=398)
    assert found.not_valid_before_utc < datetime.now(UTC)
