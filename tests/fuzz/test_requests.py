"""Any request, as the application and as the real server get it: an answer, or the end of it."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from gated import CODE, Device
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.kept_regions import KeptRegions
from edge.vision.ignored_regions import IgnoredRegions
from edge.web.server.server import WebServer

BEARER = {"Authorization": f"Bearer {CODE}"}
ROUTES = (
    *("/", "/login", "/logout", "/healthz", "/snapshot.jpg", "/metrics", "/palette.css"),
    *("/api/status", "/api/pause", "/api/resume", "/api/ignored-regions", "/api/history"),
    *("/api/history.csv", "/api/history.json", "/static/page.js", "/view/token/"),
)
QUERIES = ("minutes", "seconds", "step", "hours", "days", "viewer")
REFUSED_ON_PURPOSE = (501, 503, 505)

numbers = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=20),
    st.sampled_from(("", "0", "-0", "1e3", "\u0663", "9" * 5000, "%00", "1&minutes=2", "nan")),
)
headers = st.dictionaries(
    st.sampled_from(
        (
            *(
                "Authorization",
                "Cookie",
                "Host",
                "Origin",
                "Referer",
                "Accept",
                "Range",
                "If-Range",
            ),
            *("If-Modified-Since", "If-None-Match", "Content-Type", "X-Forwarded-For", "Forwarded"),
            *("X-Forwarded-Host", "X-Emotion-Edge", "Sec-Fetch-Site", "Accept-Encoding"),
        )
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
    max_size=5,
)
bodies = st.one_of(
    st.binary(max_size=300),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
    ).map(lambda value: json.dumps({"regions": value}).encode()),
    st.integers(1, 16_000).map(lambda depth: b"[" * depth),
    st.integers(1, 2000).map(lambda depth: b'{"regions":' * depth),
)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    folder = tmp_path_factory.mktemp("device")
    device = Device(folder / "ended-logins")
    device.regions = KeptRegions(IgnoredRegions(), folder)
    device.app = device.make_app()
    yield device
    device.scenes.close()


@pytest.fixture(scope="module")
def port(device: Device) -> Iterator[int]:
    server = WebServer(device.app, "127.0.0.1", 0, threads=4)
    server.start()
    yield server.port
    server.stop()


requests = st.fixed_dictionaries(
    {
        "method": st.sampled_from(("GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE")),
        "path": st.sampled_from(ROUTES) | st.text(max_size=30).map("/{}".format),
        "headers": st.builds(dict.__or__, headers, st.sampled_from(({}, BEARER))),
        "data": bodies,
    }
)


@given(requests)
def test_any_request_is_answered(device: Device, quiet_log: None, request: dict[str, Any]) -> None:
    """With the code and without it; an error on purpose is one JSON object or a page."""
    client = device.app.test_client()
    # A path or a header that cannot be sent is suppressed.
    with suppress(UnicodeError), client.open(**request) as answer:
        assert answer.status_code < 500 or answer.status_code in REFUSED_ON_PURPOSE


@given(
    st.sampled_from(("/api/history", "/api/history.csv", "/api/history.json")),
    st.dictionaries(st.sampled_from(QUERIES), numbers, max_size=4),
)
def test_any_query_of_the_history_is_answered(
    device: Device, quiet_log: None, path: str, query: dict[str, str]
) -> None:
    client = device.app.test_client()
    with (
        suppress(UnicodeError),
        client.get(path, query_string=query, headers=BEARER) as answer,
    ):
        assert answer.status_code in (200, 400, 503)
        assert len(answer.get_data()) < 100_000


pieces = st.sampled_from(
    (
        *(b"GET ", b"POST ", b"/login", b"/healthz", b"/api/status", b" HTTP/1.1", b" HTTP/1.0"),
        *(b" HTTP/0.9", b" HTTP/2.0", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b"\0"),
        *(b"Host: a", b"Host: a\r\nHost: b", b"Content-Length: 5", b"Content-Length: 5, 6"),
        *(b"Content-Length: -1", b"Content-Length: +5", b"Content-Length: 99999999999999999999"),
        *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity, chunked", b"Expect: 100-"),
        *(b"Connection: close", b"Connection: keep-alive, upgrade", b"Upgrade: h2c", b"code=a"),
        *(b"5\r\nhello\r\n", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1\r\n", b"5;a=b\r\n"),
        *(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"X: " + b"a" * 9000, b"%00%0a%zz", b"//["),
    )
)
begun = st.sampled_from(
    (
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n",
    )
)
raw = st.tuples(begun, st.lists(pieces | st.binary(max_size=20), max_size=14).map(b"".join))


@settings(max_examples=settings().max_examples * 2)
@given(raw.map(b"".join), st.booleans())
def test_any_bytes_are_answered_or_refused(
    port: int, quiet_log: None, request: bytes, is_cut: bool
) -> None:
    """Repeated lengths, chunks, requests in a row, half requests: a status below 500 or the end."""
    if not is_cut:
        request += b"\r\n\r\n"
    answer = answer_to(port, request)
    for line in answer.split(b"\r\n"):
        if line.startswith(b"HTTP/1.1 "):
            status = int(line.split()[1])
            assert status < 500 or status in REFUSED_ON_PURPOSE
    assert answer_to(port, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 200")


def answer_to(port: int, request: bytes) -> bytes:
    """Return what comes back until the server disconnects, which it must."""
    answer = b""
    with closing(socket.create_connection(("127.0.0.1", port), 60)) as client:
        with suppress(ConnectionError):
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while more := client.recv(65536):
                answer += more
                assert len(answer) < 1_000_000
    return answer
