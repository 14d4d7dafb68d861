"""Multipart streams as cameras send them, in pieces of any size."""

import pytest

from edge.camera import mjpeg
from edge.camera.mjpeg import JpegParts
from edge.errors import CameraError

BODIES = [b"\xff\xd8one\r\n--\xff\xd9", b"\xff\xd8two--fr\xff\xd9", b"\xff\xd8\xff\xd9"]


def stream(*, length: bool, delimiter: bytes = b"--frame", end: bytes = b"\r\n") -> bytes:
    text = b"preamble" + end
    for body in BODIES:
        head = delimiter + end + b"Content-Type: image/jpeg" + end
        if length:
            head += b"content-LENGTH: %d" % len(body) + end
        text += head + end + body + end
    return text + delimiter + end


@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("stated", ["frame", '"frame"', "--frame", "frame "])
@pytest.mark.parametrize("delimiter", [b"--frame", b"frame", b"----frame"])
def test_the_bodies_are_found(step: int, length: bool, stated: str, delimiter: bytes) -> None:
    parts, found = JpegParts(stated), []
    text = stream(length=length, delimiter=delimiter)
    for at in range(0, len(text), step):
        found += parts.feed(text[at : at + step])
    assert found == BODIES


def test_line_ends_may_be_plain() -> None:
    assert JpegParts("frame").feed(stream(length=True, end=b"\n")) == BODIES


def test_a_wrong_length_costs_two_parts_at_most() -> None:
    lying = stream(length=True).replace(b"content-LENGTH: 4", b"content-LENGTH: 9", 1)
    found = JpegParts("frame").feed(lying + stream(length=True))
    assert found[-3:] == BODIES


@pytest.mark.parametrize("stated", ["", "--", '""'])
def test_without_a_boundary_there_is_no_stream(stated: str) -> None:
    with pytest.raises(CameraError, match="states no boundary"):
        JpegParts(stated)


def test_nothing_grows_without_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjpeg, "MOST_JPEG_BYTES", 20_000)
    endless = JpegParts("frame")
    endless.feed(b"--frame\r\n\r\n")
    for _ in range(19):
        endless.feed(bytes(1000))
    with pytest.raises(CameraError, match="a frame of more than"):
        endless.feed(bytes(2000))
    with pytest.raises(CameraError, match="a frame of more than"):
        JpegParts("frame").feed(b"--frame\r\nContent-Length: 999999999\r\n\r\n")
    with pytest.raises(CameraError, match="not a series of images"):
        JpegParts("frame").feed(b"--frame\r\n" + b"a: b\r\n" * 2000)
    seeking = JpegParts("frame")
    for _ in range(100):
        seeking.feed(bytes(1000))
    assert len(seeking._buffer) < 20
