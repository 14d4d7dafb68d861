"""A stream whose frames a test makes, without a network."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
import simplejpeg
from reporting import Reporting

from edge.config import StreamConfig
from edge.datatypes import Frame, Scene, Snapshot
from edge.latest import Latest
from edge.web.stream import JpegFeed


class Device(Reporting):
    """A feed on a slot that the test fills, counting what it encodes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fps: int = 50) -> None:
        super().__init__()
        self.encoded = 0
        self.scenes: Latest[Scene] = Latest()
        self.feed = JpegFeed(
            self.scenes,
            self.report,
            StreamConfig(fps=fps, quality=80, max_viewers=3, privacy="off"),
            lambda _: 12,
        )
        encode = simplejpeg.encode_jpeg

        def counted(*args: object, **kwargs: object) -> bytes:
            self.encoded += 1
            return encode(*args, **kwargs)

        monkeypatch.setattr(simplejpeg, "encode_jpeg", counted)

    def put(self, shade: int, age_s: float = 0.0) -> None:
        at_s = time.monotonic() - age_s
        frame = Frame(bgr=np.full((48, 64, 3), shade, np.uint8), seq=shade, captured_at_s=at_s)
        snapshot = Snapshot(seq=shade, captured_at_s=at_s, faces=(), dominant=None, stage_ms={})
        self.scenes.put(Scene(frame=frame, snapshot=snapshot))


def fed_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    """The fixture `device` of a test."""
    device = Device(monkeypatch)
    yield device
    device.scenes.close()


def shade_of(jpeg: bytes) -> int:
    return round(float(np.median(simplejpeg.decode_jpeg(jpeg, "GRAY"))))
