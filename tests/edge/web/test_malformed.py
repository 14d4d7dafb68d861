"""Whatever a client sends to the real server: no fault, no trace in the log, and it goes on."""

import logging
import random
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from gated import CODE, Device

from edge.web.server.server import WebServer

DELIBERATE = {501, 503, 505}
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
STYLE = b"GET /static/style.css HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    device = Device(tmp_path / "ended-logins")
    server = WebServer(device.app, "127.0.0.1", 0, threads=4)
    server.start()
    yield server.port
    device.scenes.close()
    server.stop()


def answer_to(port: int, request: bytes, *, waits_s: float = 5) -> bytes:
    """Return what comes back until the server disconnects or says no more."""
    answer = b""
    client = socket.create_connection(("127.0.0.1", port), waits_s)
    with closing(client), suppress(OSError):
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)  # nothing follows: a half request is over
        while (more := client.recv(65536)) and len(answer) < 100_000:
            answer += more
    return answer


def status_of(answer: bytes) -> int:
    """Return an answer's status, 0 when the server hung up without one."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


def is_serving(port: int) -> bool:
    return status_of(answer_to(port, HEAD + b"\r\n")) == 200


def assert_clean(records: list[logging.LogRecord]) -> None:
    """Check that no client wrote the log: no traceback, no control character, not much at all."""
    lines = [f"{record.getMessage()}{record.exc_text or ''}" for record in records]
    assert all(record.exc_info is None for record in records)
    assert not [line for line in lines if "Traceback" in line or not line.isprintable()]
    assert sum(map(len, lines)) < 10_000


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (
            b"GET /%0aWARNING%1b[2J HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \xff\r\n",
            401,
        ),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Basic !!!\r\n", 401),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \xff\r\n", 401),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Digest a=\r\n", 401),
        (b"GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n", 400),
        (b"GET //[ HTTP/1.1\r\nHost: a\r\n", 400),
        (b"GET /%zz%00%ff?%zz=%ff HTTP/1.1\r\nHost: a\r\nCookie: emotion-edge=\xff;;=\r\n", 401),
        (b"GET /static/%00 HTTP/1.1\r\nHost: a\r\n", 401),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400),
        (b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 411),
        (b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n", 413),
        # A date of e-mails, not of HTTP: the zone overflows what holds it.
        (STYLE + b"If-Modified-Since: Mon, 01 Jan 1970 00:00:00 +9999999999999\r\n", 200),
        (STYLE + b"Range: bytes=0-5\r\nIf-Range: 1 Jan 1970 00:00 +9999999999999\r\n", 200),
        (STYLE + b"Range: bytes=0-5\r\nIf-Range: Thu, 01 Jan 1970 00:00:00 GMT\r\n", 200),
        (STYLE + b"Range: bytes=0-5\r\n", 206),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n", 400),
        (b"BREW /healthz HTTP/1.1\r\nHost: a\r\n", 401),
    ],
)
def test_a_stranger_gets_an_answer_and_no_line_in_the_log(
    port: int, caplog: pytest.LogCaptureFixture, request_: bytes, status: int
) -> None:
    assert status_of(answer_to(port, request_ + b"\r\n")) == status
    assert is_serving(port)
    assert [r for r in caplog.records if r.levelno > logging.DEBUG] == []


def test_a_health_checker_may_speak_http_1_0_without_a_name(port: int) -> None:
    assert status_of(answer_to(port, b"GET /healthz HTTP/1.0\r\n\r\n")) == 200
    assert status_of(answer_to(port, b"GET /api/status HTTP/1.0\r\n\r\n")) == 401
    assert status_of(answer_to(port, b"GET /healthz HTTP/1.1\r\n\r\n")) == 400
    assert status_of(answer_to(port, b"GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n")) == 421


def test_requests_in_a_row_and_in_pieces_are_answered(port: int) -> None:
    body = b"code=" + CODE.encode()
    login = b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n" % len(body)
    login += b"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", port), 5)) as client:
        client.sendall(login)
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body[:3])
        client.sendall(body[3:] + HEAD + b"Connection: close\r\n\r\n")
        answer = b""
        while more := client.recv(65536):
            answer += more
    assert answer.startswith(b"HTTP/1.1 303")
    assert answer.endswith(b"\r\n\r\nok\n")


def malformed(random_: random.Random) -> bytes:
    """Return a request that is likely to be wrong somewhere."""
    paths = (b"/", b"/login", b"/healthz", b"/api/pause", b"/static/style.css", b"/stream.mjpg")
    methods = (b"GET", b"POST", b"PUT", b"get", b"OPTIONS", b"CONNECT", b"M-SEARCH", b"\x00", b"")
    targets = (b"*", b"http://a/", b"//a", b"/%", b"/%00", b"/\xc3\xa9", b"/" + b"%0d%0a" * 9)
    versions = (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b"HTTP/x", b"")
    bodies = (
        *(b"", b"code=%ff&" * 1000, b'{"a":' * 3000, b"5\r\nab", b"\x00" * 100),
        b"--b\r\nContent-Disposition: form-data; name=code\r\n\r\n\xff\r\n" * 200,
    )
    body = random_.choice(bodies)
    fields = [
        *(b"Host: localhost", b"Host: a\r\nHost: b", b"Host:", b"Host: [::", b" X: a", b"X : a"),
        *(b"Content-Length: %d" % len(body), b"Content-Length: 999999999999999999999"),
        *(b"Content-Length: -5", b"Transfer-Encoding: chunked", b"Transfer-Encoding: \x0bx"),
        *(b"Authorization: Basic \xff", b"Authorization: Bearer " + random_.randbytes(9)),
        *(b"Cookie: emotion-edge=" + random_.randbytes(30), b"Cookie: ;;=\xff", b"X: " * 4000),
        *(b"Content-Type: multipart/form-data; boundary=b", b"Content-Type: multipart/form-data"),
        *(b"Content-Type: application/json", b"Content-Type: application/x-www-form-urlencoded"),
        *(b"X-Emotion-Edge: 1", b"Origin: null", b"Origin: \x1b[2J", b"If-None-Match: \xff"),
        *(b"Range: bytes=9-1,x", b"If-Modified-Since: \xff", b"Expect: 100-continue", b"\xff"),
        *(b"Sec-Fetch-Site: \x7f", b"Accept: text/html", b"Connection: upgrade, close"),
    ]
    chosen = [b"Host: localhost", b"Content-Length: %d" % len(body)] * (random_.random() < 0.8)
    chosen += random_.sample(fields, random_.choice((0, 1, 1, 2, 4)))
    line = b" ".join(
        (
            random_.choice(methods[: random_.choice((2, 2, 2, len(methods)))]),
            random_.choice(paths if random_.random() < 0.7 else targets) + b"?" * (body == b""),
            random_.choice(versions[: random_.choice((1, 2, 2, len(versions)))]),
        )
    )
    request = b"\r\n".join((line, *chosen)) + b"\r\n\r\n" + body
    if random_.random() < 0.2:
        at = random_.randrange(len(request))
        request = request[:at] + random_.randbytes(random_.randrange(4)) + request[at + 1 :]
    return request


def test_hundreds_of_malformed_requests_cause_no_fault_and_no_log(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    random_ = random.Random(12)  # noqa: S311 - the same requests each time
    for number in range(400):
        request = malformed(random_)
        status = status_of(answer_to(port, request))
        assert status < 500 or status in DELIBERATE, f"{number}: {status} for {request[:300]!r}"
    assert is_serving(port)
    assert_clean(caplog.records)


def test_a_defect_is_logged_once_in_a_while_and_escaped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device = Device(tmp_path / "ended-logins")

    def break_down() -> str:
        raise ValueError("\x1b[2J\nWARNING fake")

    device.app.view_functions["healthz"] = break_down
    server = WebServer(device.app, "127.0.0.1", 0, threads=1)
    server.start()
    try:
        for _ in range(20):
            answer = answer_to(server.port, b"GET /healthz?%0a HTTP/1.1\r\nHost: a\r\n\r\n")
            assert status_of(answer) == 500
    finally:
        server.stop()
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 3
    assert sum(map(len, messages)) < 10_000
    for message in messages:
        assert "break_down" in message  # where it failed
        assert all(line.isprintable() for line in message.splitlines())
        assert "\nWARNING" not in message
