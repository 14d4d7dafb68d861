#!/usr/bin/env python3
"""Fuzzes the readers of images, videos and camera streams with atheris, led by coverage. By hand.

    pip install atheris
    python tests/fuzz/readers_by_coverage.py [-max_total_time=600] [-seed=N] [CORPUS...]

The options are libFuzzer's. It begins with one small image or video of each format. The coverage is
that of this project's own code: the decoders of OpenCV, FFmpeg and libheif are not instrumented, so
they get damage at random. A traceback, 30 s for one input, or 2 GB of memory end it, and the input
is kept as crash-*, timeout-* or oom-*.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from itertools import islice
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/fuzz")]
LIMITS = ("-timeout=30", "-rss_limit_mb=2048", "-max_len=100000", "-max_total_time=600")

from edge.process.entry import limit_images  # noqa: E402 (behind the path that it needs)

limit_images()  # before cv2 is imported, as in the program

with atheris.instrument_imports(include=["edge"]):
    from edge.camera.formats import image_size
    from edge.camera.jpeg import decoded
    from edge.camera.media import iter_video, read_image
    from edge.camera.mjpeg import JpegParts
    from edge.errors import CameraError, MediaError

_FILE = Path(f"/dev/shm/fuzzed-{os.getpid()}")  # noqa: S108 (in memory, of this process)


def read(content: bytes) -> None:
    """Give the same bytes to each reader; each may refuse them."""
    image_size(content)
    decoded(content)
    with contextlib.suppress(CameraError):
        JpegParts("cut").feed(content)
    _FILE.write_bytes(content)
    with contextlib.suppress(MediaError):
        read_image(_FILE)
    with contextlib.suppress(MediaError):
        for _ in islice(iter_video(_FILE), 20):
            pass
    _FILE.unlink()


def seeds(folder: Path) -> None:
    """Write a file of each format."""
    from test_readers import BY_FFMPEG, PHONE, WHOLE, encoded_by_ffmpeg, encoded_by_pillow

    contents = dict(WHOLE)
    contents |= {suffix: encoded_by_pillow(suffix) for suffix in PHONE}
    contents |= {suffix: encoded_by_ffmpeg(suffix, folder) for suffix in BY_FFMPEG}
    for suffix, content in contents.items():
        (folder / f"seed{suffix}").write_bytes(content)


def main() -> int:
    """Fuzz until an input fails or the time is over; return libFuzzer's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        seeds(Path(folder))
        if child := os.fork():  # libFuzzer ends its process without cleaning up
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        atheris.Setup([sys.argv[0], *LIMITS, *sys.argv[1:], folder], read)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
