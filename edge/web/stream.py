"""The live video as viewers receive it: a stream of JPEGs, or a single one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator

from edge.config import PrivacyMode, StreamConfig
from edge.datatypes import Report, Scene
from edge.latest import Latest
from edge.web.encoder import Encoder
from edge.web.privacy import FramesPerRound
from edge.web.viewer_limit import ViewerLimit

BOUNDARY = "frame"
MIMETYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
_DELIMITER = f"--{BOUNDARY}\r\n".encode()

# How long the first frame of a filter that holds frames back is waited for. A viewer of the stream
# gets a notice then; a request for a single JPEG waits for a slow camera's whole round.
_FIRST_JPEG_S, _SLOW_FIRST_JPEG_S = 4.0, 30.0
_MAX_SLOW_REQUESTS = 2  # requests that wait so long at once; each holds a thread of the server


class JpegFeed:
    """What viewers are shown, as JPEGs, at most `config.fps` of them a second."""

    def __init__(
        self,
        scenes: Latest[Scene],
        report: Callable[[], Report],
        config: StreamConfig,
        frames_per_round: FramesPerRound,
    ) -> None:
        """`frames_per_round` is how long a pixelated frame is held back; see privacy.py."""
        self.viewers = ViewerLimit(config.max_viewers)
        self._encoder = Encoder(scenes, report, config, frames_per_round)
        self._slow_requests = threading.BoundedSemaphore(_MAX_SLOW_REQUESTS)

    @property
    def privacy(self) -> PrivacyMode:
        """The privacy filter in effect."""
        return self._encoder.privacy

    def set_privacy(self, mode: PrivacyMode) -> None:
        """Change the privacy filter; no frame of the earlier one is shown after it."""
        self._encoder.set_privacy(mode)

    def start(self) -> None:
        """Start the encoder's thread; the first viewer does so otherwise. Raises ResourceError."""
        self._encoder.start()

    def stop(self) -> None:
        """End the encoder's thread and every stream; may be called twice."""
        self._encoder.stop()

    def current_jpeg(self) -> bytes | None:
        """Return what is to be seen now; None at the end, or when no frame can be encoded.

        Frames that are held back are waited for while frames arrive, half a minute at most.
        """
        may_wait_long = self._slow_requests.acquire(blocking=False)
        try:
            return self._encoder.request(_SLOW_FIRST_JPEG_S if may_wait_long else _FIRST_JPEG_S)
        finally:
            if may_wait_long:
                self._slow_requests.release()

    def when_encoded(self, listener: Callable[[], None]) -> None:
        """Have `listener` called for each JPEG that was made for viewers; it must not block."""
        jpegs = self._encoder.jpegs
        jpegs.when_changed(lambda: None if jpegs.closed else listener())

    def age_s(self) -> float | None:
        """Return the age of the frame that viewers see, None while they see none."""
        return self._encoder.age_s()

    def wait_newer(self, version: int) -> tuple[int, bytes] | None:
        """Wait for a JPEG newer than `version` (0: any); None at the end.

        Returns the version and its JPEG; the version is to be passed to the next call.
        """
        if not version:  # what the last viewer saw may be old
            self._encoder.request(_FIRST_JPEG_S)
        return self._encoder.wait_newer(version)

    def parts(self) -> Generator[bytes, None, None]:
        """Yield the body of a multipart stream until the scenes end.

        Each part carries the delimiter of the part after it: Chrome shows a part only when it
        has seen the next delimiter (crbug.com/527446).
        """
        yield _DELIMITER
        version = 0
        with self._encoder.watched():
            while newer := self.wait_newer(version):
                version, jpeg = newer
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                yield head.encode() + jpeg + b"\r\n" + _DELIMITER
