"""Native libraries kept off the terminal: we say what is wrong, in one line."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

# FFmpeg's own level for "nothing"; OpenCV reads it when it opens its first video.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

_one_at_a_time = threading.Lock()


def silence_opencv() -> None:
    """Turn OpenCV's log off; called before a camera or video is opened."""
    # OpenCV 4.11, the last that goes with Bookworm's numpy, has it beside its utils.
    getattr(cv2.utils, "logging", cv2).setLogLevel(0)


@contextmanager
def native_stderr_muted() -> Iterator[None]:
    """Send file descriptor 2 to nowhere for a moment: libpng and libjpeg print there directly.

    What another thread prints meanwhile is lost too, so this is for milliseconds only: decoding a
    picture, loading a network.
    """
    with _one_at_a_time:
        with contextlib.suppress(OSError):  # it may be full
            sys.stderr.flush()
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
