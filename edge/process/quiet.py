"""Keeps native libraries from printing to the terminal: each error is one line of our own."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

_one_at_a_time = threading.Lock()


def silence_opencv() -> None:
    """Turn off the logs of OpenCV and FFmpeg; called before a camera or video is opened."""
    # FFmpeg's own level for "nothing". OpenCV reads it when it opens its first video.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # OpenCV 4.11, the last version that supports Bookworm's numpy, has no cv2.utils.logging.
    getattr(cv2.utils, "logging", cv2).setLogLevel(0)


@contextmanager
def native_stderr_muted() -> Iterator[None]:
    """Send file descriptor 2 to /dev/null: libpng and libjpeg print there directly.

    Output of other threads is lost too, so use this for milliseconds only: to decode an image or
    to load a network.
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
