"""A FrameSource that reads its camera in a thread and keeps only the newest frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from edge.datatypes import BgrImage, Frame
from edge.errors import CameraError, CameraStalled
from edge.latest import Latest
from edge.process.threads import start_thread


class NewestFrames:
    """FrameSource of the images that `images` yields, until it ends or raises.

    `images` gets a function that tells whether to stop; it checks that often. It releases the
    camera at its end.
    """

    def __init__(
        self, name: str, images: Callable[[Callable[[], bool]], Iterator[BgrImage]]
    ) -> None:
        """Raise ResourceError when no thread can be started."""
        self.name = name
        self._latest: Latest[Frame] = Latest()
        self._seen = 0
        self._error = "closed"
        self._is_closing = False
        self._reader = start_thread("network-camera", self._keep_reading, images)

    def read(self, timeout_s: float) -> Frame:
        """Return the newest frame not yet returned. See FrameSource."""
        newer = self._latest.wait_newer(self._seen, timeout_s)
        if newer is None:
            if self._latest.closed:
                raise CameraError(f"{self.name}: {self._error}")
            raise CameraStalled(f"{self.name}: no frame for {timeout_s:g} s; is it running?")
        self._seen, frame = newer
        return frame

    def close(self) -> None:
        """Stop the reader, which releases the camera. See FrameSource."""
        self._is_closing = True
        self._latest.close()
        self._reader.join()

    def _keep_reading(self, images: Callable[[Callable[[], bool]], Iterator[BgrImage]]) -> None:
        try:
            for seq, bgr in enumerate(images(lambda: self._is_closing)):
                self._latest.put(Frame(bgr=bgr, seq=seq, captured_at_s=time.monotonic()))
                if self._is_closing:
                    break
            else:
                self._error = "the camera ended the stream"
        except (OSError, ValueError) as exc:  # a CameraError, too, is an OSError
            self._error = str(exc) or type(exc).__name__
        self._latest.close()
