"""What a USB webcam says of itself, and how it sends a frame: USB Video Class 1.1, MJPEG by bulk.

https://www.usb.org/document-library/video-class-v11-document-set. Numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

Size = tuple[int, int]

ENDPOINT = 0x81
PACKET_BYTES = 512
PAYLOAD_BYTES = 16384
STRINGS = ("", "emotion-edge tests", "Drawn Camera", "0042")
_VENDOR, _PRODUCT, _VERSION = 0x1D6B, 0x0102, 0x0100
_CLOCK_HZ = 48_000_000
FRAME_S = 0.2  # the other end is emulated
_INTERVAL_100NS = round(FRAME_S * 1e7)
_FRAME_BYTES = 200_000
# Descriptor types, and the class-specific ones.
_DEVICE, _CONFIGURATION, _STRING, _INTERFACE, _ENDPOINT, _ASSOCIATION = 1, 2, 3, 4, 5, 11
_CLASS_INTERFACE = 0x24
# Requests: standard ones, and those of the class.
GET_STATUS, GET_DESCRIPTOR = 0x00, 0x06
SET_CUR, GET_CUR, GET_LEN, GET_INFO = 0x01, 0x81, 0x85, 0x86
_READS = (GET_CUR, 0x82, 0x83, 0x84, 0x87)  # current, least, most, step, default
_END_OF_HEADER, _END_OF_FRAME = 0x80, 0x02


def device_descriptor() -> bytes:
    ids = struct.pack("<HHH", _VENDOR, _PRODUCT, _VERSION)
    return bytes((18, _DEVICE, 0x00, 0x02, 0xEF, 2, 1, 64)) + ids + bytes((1, 2, 3, 1))


def configuration_descriptor(sizes: Sequence[Size]) -> bytes:
    """Return the only configuration; each size is a frame descriptor."""
    body = bytes((8, _ASSOCIATION, 0, 2, 14, 3, 0, 2)) + _control() + _streaming(sizes)
    return struct.pack("<BBHBBBBB", 9, _CONFIGURATION, 9 + len(body), 2, 1, 0, 0x80, 50) + body


def string_descriptor(number: int) -> bytes | None:
    """Return a string; number 0 is the list of languages, which is English alone."""
    if number >= len(STRINGS):
        return None
    text = STRINGS[number].encode("utf-16-le") if number else b"\x09\x04"
    return bytes((2 + len(text), _STRING)) + text


def _control() -> bytes:
    """Return the interface without controls: a camera terminal that leads to USB."""
    camera = struct.pack("<BBBBHBBHHHB3x", 18, _CLASS_INTERFACE, 2, 1, 0x0201, 0, 0, 0, 0, 0, 3)
    output = struct.pack("<BBBBHBBB", 9, _CLASS_INTERFACE, 3, 2, 0x0101, 0, 1, 0)
    described = (0x0110, 13 + len(camera + output), _CLOCK_HZ, 1, 1)
    header = struct.pack("<BBBHHIBB", 13, _CLASS_INTERFACE, 1, *described)
    return bytes((9, _INTERFACE, 0, 0, 0, 14, 1, 0, 2)) + header + camera + output


def _streaming(sizes: Sequence[Size]) -> bytes:
    formats = bytes((11, _CLASS_INTERFACE, 6, 1, len(sizes), 1, 1, 0, 0, 0, 0))
    for number, size in enumerate(sizes, 1):
        rates = (_FRAME_BYTES * 40, _FRAME_BYTES * 40, _FRAME_BYTES, _INTERVAL_100NS)
        frame = struct.pack("<HHIIIIBI", *size, *rates, 1, _INTERVAL_100NS)
        formats += bytes((30, _CLASS_INTERFACE, 7, number, 0)) + frame
    formats += bytes((6, _CLASS_INTERFACE, 13, 1, 1, 4))
    described = (14 + len(formats), ENDPOINT, 0, 2, 0, 0, 0, 1, 0)
    header = struct.pack("<BBBBHBBBBBBBB", 14, _CLASS_INTERFACE, 1, 1, *described)
    endpoint = struct.pack("<BBBBHB", 7, _ENDPOINT, ENDPOINT, 2, PACKET_BYTES, 0)
    return bytes((9, _INTERFACE, 1, 0, 1, 14, 2, 0, 0)) + header + formats + endpoint


def negotiation(frame_number: int) -> bytes:
    """Return the camera's offer: the probe and commit control."""
    sizes = (_FRAME_BYTES, PAYLOAD_BYTES, _CLOCK_HZ)
    chosen = struct.pack("<HBBI", 1, 1, frame_number, _INTERVAL_100NS)
    return chosen + struct.pack("<5H3I4B", 0, 0, 0, 0, 0, *sizes, 0, 0, 0, 0)


def payloads(jpeg: bytes, parity: int) -> Iterator[bytes]:
    """Yield a frame in transfers; `parity` changes from each frame to the next."""
    room = PAYLOAD_BYTES - 2
    for start in range(0, len(jpeg), room):
        is_last = start + room >= len(jpeg)
        flags = _END_OF_HEADER | parity | (_END_OF_FRAME if is_last else 0)
        yield bytes((2, flags)) + jpeg[start : start + room]


class Controls:
    """Answers the requests to the control endpoint."""

    def __init__(self, sizes: Sequence[Size]) -> None:
        self._sizes = sizes
        self._frame_number = 1

    @property
    def size(self) -> Size:
        """The size that was agreed on."""
        return self._sizes[self._frame_number - 1]

    def answer(self, kind: int, request: int, value: int, data: bytes) -> bytes | None:
        """Return what a request reads, b"" for one that writes, None for an unknown one."""
        if request == GET_DESCRIPTOR and kind == 0x80:
            return self._descriptor(value >> 8, value & 0xFF)
        if kind == 0x21 and request == SET_CUR:
            self._frame_number = min(max(data[3], 1), len(self._sizes))
            return b""
        if kind == 0xA1:
            return self._read(request)
        if request == GET_STATUS and kind in (0x80, 0x81, 0x82):
            return b"\0\0"  # without it the kernel resets a camera that it wakes up
        return b"" if kind in (0x00, 0x02) else None  # features, and an endpoint's halt

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        if kind == _DEVICE:
            return device_descriptor()
        if kind == _CONFIGURATION:
            return configuration_descriptor(self._sizes)
        return string_descriptor(number) if kind == _STRING else None

    def _read(self, request: int) -> bytes | None:
        if request in _READS:
            return negotiation(self._frame_number)
        return {GET_LEN: b"\x22\x00", GET_INFO: b"\x03"}.get(request)
