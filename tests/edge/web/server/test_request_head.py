"""What a request's head may look like, and what is refused because it can be read in two ways."""

import pytest

from edge.web.server.request_head import (
    MOST_BODY_BYTES,
    MOST_HEAD_BYTES,
    RefusedError,
    RequestHead,
    parse_head,
    split_head,
)

LINE = b"GET /x HTTP/1.1\r\nHost: a"


def refused(head: bytes) -> str:
    with pytest.raises(RefusedError) as refusal:
        parse_head(head)
    return refusal.value.status[:3]


def test_a_head_is_read() -> None:
    fields = b"host: pi.local\r\nCOOKIE: a=1\r\nCookie: b=2\r\nAccept: x\r\naccept:\ty \r\nX_Y: 1"
    head = parse_head(b"GET /a%20b%2Fc?d=%20 HTTP/1.1\r\n" + fields)
    assert head == RequestHead(
        method=b"GET",
        target=b"/a%20b%2Fc?d=%20",
        path=b"/a b%2Fc",
        query=b"d=%20",
        protocol=b"HTTP/1.1",
        fields={b"Host": b"pi.local", b"Cookie": b"a=1; b=2", b"Accept": b"x, y"},
        body_bytes=0,
    )
    assert head.keeps_open


@pytest.mark.parametrize(
    ("line", "field", "open_after"),
    [
        (b"GET / HTTP/1.1", b"Connection: close", False),
        (b"GET / HTTP/1.1", b"Connection: Close, x", False),
        (b"GET / HTTP/1.0", b"Connection: keep-alive", True),
        (b"GET / HTTP/1.0", b"Host: a", False),
    ],
)
def test_how_long_a_connection_is_wanted(line: bytes, field: bytes, open_after: bool) -> None:
    assert parse_head(line + b"\r\n" + field).keeps_open == open_after


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"GET", b"GET /", b"GET / HTTP", b"get / HTTP/1.1", b"GET  / HTTP/1.1"),
        *(b"GET / HTTP/1.1 ", b"GET / HTTP/11.1", b"GET x HTTP/1.1", b"OPTIONS * HTTP/1.1"),
        *(b"CONNECT a:1 HTTP/1.1", b"GET http://a/ HTTP/1.1", b"GET //a/ HTTP/1.1"),
        *(b"GET //[ HTTP/1.1", b"GET /\xff HTTP/1.1", b"GET /\x00 HTTP/1.1", b"GET /#a HTTP/1.1"),
    ],
)
def test_a_malformed_request_line_is_refused(line: bytes) -> None:
    assert refused(line + b"\r\nHost: a") == "400"


def test_other_versions_are_refused() -> None:
    assert refused(b"GET / HTTP/2.0") == refused(b"GET / HTTP/1.9") == "505"


@pytest.mark.parametrize(
    "fields",
    [
        *(b" X: a", b"\tX: a", b"X: a\r\n b", b"X : a", b": a", b"X", b"X y: a", b"X: a\x00b"),
        *(b"X: a\x1b[2J", b"X: a\x7f", b"X\x80: a", b"Host: a", b"host: b"),
        *(b"Content-Length: 1\r\nContent-Length: 1", b"Content-Length: 1, 1"),
        *(b"Content-Length: +1", b"Content-Length: -1", b"Content-Length: 1_0", b"Content-Length:"),
        *(b"Content-Length: 1\r\nTransfer-Encoding: chunked", b"Content-Length: 0x1"),
        b"Authorization: a\r\nAuthorization: b",
    ],
)
def test_fields_with_two_readings_are_refused(fields: bytes) -> None:
    assert refused(LINE + b"\r\n" + fields) == "400"


def test_what_is_too_much_is_refused() -> None:
    assert refused(LINE + b"\r\nX: a" * 100) == "431"
    assert refused(LINE + b"\r\nContent-Length: %d" % (MOST_BODY_BYTES + 1)) == "413"
    assert refused(LINE + b"\r\nTransfer-Encoding: chunked") == "411"


def test_a_head_is_whole_with_its_empty_line() -> None:
    whole = LINE + b"\r\n\r\n"
    for length in range(len(whole)):
        assert split_head(whole[:length]) is None, whole[:length]
    assert split_head(whole + b"body") == (LINE, len(whole))
    assert split_head(b"\r\n" + whole) == (LINE, len(whole) + 2)


def test_a_head_in_pieces_is_searched_once() -> None:
    assert split_head(LINE + b"\nX: a", searched=len(LINE) + 4) is None
    whole = b"\r\n" + LINE + b"\r\nX: a\r\n\r\n"
    for searched in range(len(whole)):
        assert split_head(whole, searched) == (LINE + b"\r\nX: a", len(whole)), searched
    for bare in (b"X: a\n", b"X: a\rb"):
        received = LINE + b"\r\n" + bare
        with pytest.raises(RefusedError):
            split_head(received, searched=len(received) - 1)


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (b"\x16\x03\x01", "400"),
        (b"\n", "400"),
        (b"GET / HTTP/1.0\n", "400"),
        (b"GET / HTTP/1.1\r\nX: a\rb", "400"),
        (b"GET / HTTP/1.1\r\nX: a\n\r\n\r\n", "400"),
        (b"GET /" + b"x" * MOST_HEAD_BYTES, "414"),
        (b"GET /" + b"x" * MOST_HEAD_BYTES + b"\r\n\r\n", "414"),
        (LINE + b"\r\nX: " + b"x" * MOST_HEAD_BYTES, "431"),
        (LINE + b"\r\nX: " + b"x" * MOST_HEAD_BYTES + b"\r\n\r\n", "431"),
    ],
)
def test_what_no_more_bytes_can_mend_is_refused_at_once(received: bytes, status: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        split_head(received)
    assert refusal.value.status.startswith(status)
