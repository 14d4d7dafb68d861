"""A FrameSource that reads its camera in a thread and keeps only the newest frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from edge.datatypes import BgrImage, Frame
from edge.errors import CameraError, CameraStalled
from edge.latest import Latest
from edge.process.threads import start_thread

IsOver = Callable[[], bool]
"""Tells whether to stop reading."""


class NewestFrames:
    """FrameSource of what `frames` yields, until that ends or raises.

    `frames` gets a function that tells whether to stop; it checks that often. It releases the
    camera at its end. `thread` is the name of the thread, `advice` what to check after a stall.
    """

    def __init__(
        self,
        name: str,
        frames: Callable[[IsOver], Iterator[Frame]],
        *,
        thread: str = "network-camera",
        advice: str = "is it running?",
    ) -> None:
        """Raise ResourceError when no thread can be started; `frames` is not called then."""
        self.name = name
        self._advice = advice
        self._latest: Latest[Frame] = Latest()
        self._seen = 0
        self._error = "closed"
        self._is_closing = False
        self._reader = start_thread(thread, self._keep_reading, frames)

    def read(self, timeout_s: float) -> Frame:
        """Return the newest frame not yet returned. See FrameSource."""
        newer = self._latest.wait_newer(self._seen, timeout_s)
        if newer is None:
            if self._latest.closed:
                raise CameraError(f"{self.name}: {self._error}")
            raise CameraStalled(f"{self.name}: no frame for {timeout_s:g} s; {self._advice}")
        self._seen, frame = newer
        return frame

    def close(self) -> None:
        """Stop the reader, which releases the camera. See FrameSource.

        It takes as long as the pending read: ten seconds for some cameras that hang.
        """
        self._is_closing = True
        self._latest.close()
        self._reader.join()

    def _keep_reading(self, frames: Callable[[IsOver], Iterator[Frame]]) -> None:
        try:
            for frame in frames(lambda: self._is_closing):
                self._latest.put(frame)
                if self._is_closing:
                    break
            if not self._is_closing:
                self._error = "the camera ended the stream"
        except (OSError, ValueError) as exc:  # a CameraError, too, is an OSError
            self._error = str(exc) or type(exc).__name__
        self._latest.close()


def numbered(images: Iterable[BgrImage]) -> Iterator[Frame]:
    """Yield the images as frames, which were captured when they arrive here."""
    for seq, bgr in enumerate(images):
        yield Frame(bgr=bgr, seq=seq, captured_at_s=time.monotonic())
