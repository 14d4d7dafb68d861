"""The JPEGs in a multipart stream, as network cameras send them. No I/O here.

Cameras follow RFC 2046 loosely: the boundary may be stated with or without its dashes, and a part
may have no length. So the text of the boundary is looked for.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from edge.errors import CameraError

MOST_JPEG_BYTES = 16_000_000
_MOST_HEAD_BYTES = 8_000
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,9})[ \t]*\r?$")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


class _State(Enum):
    SEEKING = auto()
    HEAD = auto()
    BODY = auto()


class JpegParts:
    """Splits what arrives into the bodies of the parts."""

    def __init__(self, boundary: str) -> None:
        """Raise CameraError for a boundary without text."""
        self._boundary = boundary.strip(' "').strip("-").encode("latin-1", "replace")
        if not self._boundary:
            raise CameraError("the stream states no boundary")
        self._buffer = bytearray()
        self._state = _State.SEEKING
        self._length: int | None = None
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies that `data` completes. Raises CameraError when one is too large."""
        self._buffer += data
        bodies: list[bytes] = []
        while self._advance(bodies):
            pass
        if len(self._buffer) > MOST_JPEG_BYTES:
            raise CameraError(f"a frame of more than {MOST_JPEG_BYTES // 1_000_000} MB")
        return bodies

    def _advance(self, bodies: list[bytes]) -> bool:
        """Do the next step; False until more arrives."""
        if self._state is _State.HEAD:
            return self._read_head()
        if self._state is _State.BODY and self._length is not None:
            return self._read_body(self._length, bodies)
        return self._find_boundary(bodies)

    def _find_boundary(self, bodies: list[bytes]) -> bool:
        at = self._buffer.find(self._boundary, self._searched)
        if at < 0:
            self._searched = max(len(self._buffer) - len(self._boundary), 0)
            if self._state is _State.SEEKING:  # what is before the boundary is no frame
                del self._buffer[: self._searched]
                self._searched = 0
            return False
        if self._state is _State.BODY:
            bodies.append(bytes(self._buffer[:at]).rstrip(b"-").rstrip(b"\r\n"))
        self._drop(at + len(self._boundary))
        self._state = _State.HEAD
        return True

    def _read_head(self) -> bool:
        match = _END_OF_HEAD.search(self._buffer)
        if match is None:
            if len(self._buffer) > _MOST_HEAD_BYTES:
                raise CameraError("the stream is not a series of images")
            return False
        found = _LENGTH.search(bytes(self._buffer[: match.end()]))
        self._length = int(found[1]) if found and int(found[1]) else None
        self._drop(match.end())
        self._state = _State.BODY
        return True

    def _read_body(self, length: int, bodies: list[bytes]) -> bool:
        if length > MOST_JPEG_BYTES:
            raise CameraError(f"a frame of more than {MOST_JPEG_BYTES // 1_000_000} MB")
        if len(self._buffer) < length:
            return False
        bodies.append(bytes(self._buffer[:length]))
        self._drop(length)
        self._state = _State.SEEKING
        return True

    def _drop(self, length: int) -> None:
        del self._buffer[:length]
        self._searched = 0
