"""The head of a request, read strictly. No I/O here.

If a proxy and the server read the same bytes differently, an attacker can smuggle a request
(https://www.rfc-editor.org/rfc/rfc9112#section-11.2). So every ambiguous head is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

MOST_HEAD_BYTES = 16 * 1024
MOST_BODY_BYTES = 32 * 1024
_MOST_FIELDS = 100
_END = b"\r\n\r\n"

_REQUEST_LINE = re.compile(rb"([A-Z][A-Z-]{0,19}) ([\x21-\x7e]+) HTTP/(\d)\.(\d)")
_BEGINNING = re.compile(rb"[A-Z]|\r?\Z")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_BARE_END = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_QUOTED_SLASH = re.compile(rb"(?i)%2f")
# The value of a condition: an entity tag, or a date as HTTP writes it. Other dates would be parsed
# as those of e-mail, and a time zone that does not exist raises.
_CONDITION = re.compile(
    rb'(?:W/)?"[^"]*"|[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT'
)
_CONDITIONS = (b"If-Modified-Since", b"If-Unmodified-Since", b"If-Range")
# Fields that are ambiguous when they occur twice.
_SINGLE = frozenset(
    {b"Host", b"Content-Length", b"Transfer-Encoding", b"Content-Type", b"Authorization", b"Origin"}
)


class RefusedError(Exception):
    """A request that is refused before the application sees it: a status line and a reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """A request line and its fields, whose names are in Title-Case; `path` is unquoted."""

    method: bytes
    target: bytes
    path: bytes
    query: bytes
    protocol: bytes
    fields: dict[bytes, bytes]
    body_bytes: int

    @property
    def keeps_open(self) -> bool:
        """Whether the client wants to keep the connection open."""
        wish = self.fields.get(b"Connection", b"").lower()
        return b"close" not in wish and (self.protocol == b"HTTP/1.1" or b"keep-alive" in wish)

    @property
    def waits_to_send(self) -> bool:
        """Whether the client sends its body only after a 100 Continue."""
        return self.fields.get(b"Expect", b"").lower() == b"100-continue"


def split_head(received: bytes | bytearray, searched: int = 0) -> tuple[bytes, int] | None:
    """Return a complete head without its end, and the index after it; None while it is incomplete.

    An empty line before it is skipped. The first `searched` bytes were passed in the last call,
    which returned None: they are not searched again, or a head in many pieces would cost the
    square of its length. Raises RefusedError as soon as it cannot become valid.
    """
    start = 2 if received.startswith(b"\r\n") else 0
    if not _BEGINNING.match(received, start):
        raise RefusedError("400 Bad Request", "this is not HTTP")
    begin = max(start, searched - len(_END) + 1)
    end = received.find(_END, begin)
    limit = MOST_HEAD_BYTES if end < 0 else end
    if _BARE_END.search(received, begin, limit):
        raise RefusedError("400 Bad Request", "each line must end with CR LF")
    if max(end, len(received) if end < 0 else 0) - start > MOST_HEAD_BYTES:
        raise _too_long(received.find(b"\r\n", start, limit) < 0)
    return None if end < 0 else (bytes(received[start:end]), end + len(_END))


def parse_head(head: bytes) -> RequestHead:
    """Return the parsed head. Raises RefusedError when it is ambiguous."""
    line, *lines = head.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise RefusedError("400 Bad Request", "malformed request line")
    method, target, major, minor = match.groups()
    if major != b"1" or minor not in b"01":
        raise RefusedError("505 HTTP Version Not Supported", "HTTP/1.0 and HTTP/1.1 are served")
    # Two slashes at the beginning: a path for this server, but a host name for a browser.
    if not target.startswith(b"/") or target.startswith(b"//") or b"#" in target:
        raise RefusedError("400 Bad Request", "the target must be a path on this device")
    path, _, query = target.partition(b"?")
    fields = _fields(lines)
    return RequestHead(
        method=method,
        target=target,
        path=b"%2F".join(unquote_to_bytes(piece) for piece in _QUOTED_SLASH.split(path)),
        query=query,
        protocol=b"HTTP/1." + minor,
        fields=fields,
        body_bytes=_body_bytes(fields),
    )


def _fields(lines: list[bytes]) -> dict[bytes, bytes]:
    if len(lines) > _MOST_FIELDS:
        raise RefusedError("431 Request Header Fields Too Large", "too many header fields")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        # The pattern refuses a folded line, a space before the colon and control characters.
        match = _FIELD.fullmatch(line)
        if match is None:
            raise RefusedError("400 Bad Request", "malformed header field")
        name, value = match[1].title(), match[2]
        if b"_" in name:
            continue  # in WSGI it would be the same name as one with a dash
        if name in fields:
            if name in _SINGLE:
                raise RefusedError("400 Bad Request", f"more than one {name.decode()} field")
            value = (b"; " if name == b"Cookie" else b", ").join((fields[name], value))
        fields[name] = value
    _drop_malformed_conditions(fields)
    return fields


def _drop_malformed_conditions(fields: dict[bytes, bytes]) -> None:
    """Leave out what must be ignored (RFC 9110, 13.1): the whole file is answered then."""
    for name in _CONDITIONS:
        if name in fields and not _CONDITION.fullmatch(fields[name]):
            del fields[name]
            if name == b"If-Range":
                fields.pop(b"Range", None)


def _body_bytes(fields: dict[bytes, bytes]) -> int:
    length = fields.get(b"Content-Length")
    if b"Transfer-Encoding" in fields:
        if length is not None:
            raise RefusedError("400 Bad Request", "both Content-Length and Transfer-Encoding")
        raise RefusedError("411 Length Required", "a body needs a Content-Length")
    if length is None:
        return 0
    if not _LENGTH.fullmatch(length):
        raise RefusedError("400 Bad Request", "malformed Content-Length")
    if int(length) > MOST_BODY_BYTES:
        raise RefusedError("413 Content Too Large", f"more than {MOST_BODY_BYTES} bytes")
    return int(length)


def _too_long(within_first_line: bool) -> RefusedError:
    if within_first_line:
        return RefusedError("414 URI Too Long", "the request line is too long")
    return RefusedError("431 Request Header Fields Too Large", "the header is too long")
