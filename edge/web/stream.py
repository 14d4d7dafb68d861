"""The live picture: each frame drawn and encoded once, by whichever viewer needs it first.

There is no thread here. The viewers' own threads take turns: whoever comes first waits for the
next frame and encodes it, the others wait for that and send the same bytes. Nobody watching,
nothing done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import simplejpeg

from edge.config import StreamConfig
from edge.datatypes import BgrImage, Report, Scene
from edge.latest import Latest
from edge.web.notice import Notice, draw_notice, notice_of
from edge.web.privacy import Exposure, Round, view_for
from edge.web.seats import Seats

BOUNDARY = "frame"
MIMETYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
_DELIMITER = f"--{BOUNDARY}\r\n".encode()

# A frame older than _STALE_S gives way to a notice at the next look: within two seconds.
_STALE_S = 1.75
_LOOK_S = 0.2
_REPEAT_S = 1.0  # an unchanged notice is sent again: a write is how a viewer's leaving is noticed
_PATIENCE_S = 4.0  # with a view that holds pictures back
_FIRST_SIZE = (640, 480)  # of a notice drawn before any frame told the camera's own


class JpegFeed:
    """What viewers are shown, as JPEGs, at most `config.fps` of them a second."""

    def __init__(
        self,
        scenes: Latest[Scene],
        report: Callable[[], Report],
        config: StreamConfig,
        frames_per_round: Round,
    ) -> None:
        """`frames_per_round` is how long a pixelated picture is held back; see privacy.py."""
        self.seats = Seats(config.max_viewers)
        self.privacy = config.privacy
        self._scenes = scenes
        self._report = report
        self._view = view_for(config.privacy, frames_per_round)
        self._quality = config.quality
        self._interval_s = 1 / config.fps
        self._turn = threading.Lock()
        self._drawing = threading.Lock()
        self._drawn: Exposure | Notice | None = None
        self._pictures: Latest[bytes] = Latest()
        self._looked_at = 0
        self._made_at_s = float("-inf")

    def picture(self) -> bytes:
        """Return what is to be seen now; encodes it unless a viewer has already.

        A view that holds pictures back is waited for, a moment.
        """
        ends_s = time.monotonic() + _PATIENCE_S
        looked_at = 0
        while (subject := self._subject()) is None and time.monotonic() < ends_s:
            newer = self._scenes.wait_newer(looked_at, _LOOK_S)
            looked_at = newer[0] if newer else looked_at
            if self._scenes.closed:
                break
        return self._draw(subject or self._notice())

    def wait_newer(self, version: int) -> tuple[int, bytes] | None:
        """Wait for a picture newer than `version` (0: any); None once the scenes have ended.

        Returns the version and its picture; the version is to be passed to the next call.
        """
        if not version:
            self.picture()  # what the last viewer saw may be an hour old
        while not self._scenes.closed:
            leads = self._turn.acquire(blocking=False)
            try:
                if leads and not self._pictures.wait_newer(version, 0):
                    self._make_next()
            finally:
                if leads:
                    self._turn.release()
            if newer := self._pictures.wait_newer(version, 0 if leads else _LOOK_S):
                return newer
        return None

    def parts(self) -> Iterator[bytes]:
        """Yield the body of a multipart stream until the scenes end.

        Each part carries the delimiter of the part after it: Chrome shows a part only when it
        has seen the next delimiter (crbug.com/527446).
        """
        yield _DELIMITER
        version = 0
        while newer := self.wait_newer(version):
            version, jpeg = newer
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            yield head.encode() + jpeg + b"\r\n" + _DELIMITER

    def _make_next(self) -> None:
        """Wait a moment for something new to show, and publish it for every viewer."""
        due_in_s = self._made_at_s + self._interval_s - time.monotonic()
        if due_in_s > 0:
            time.sleep(due_in_s)
        subject = self._subject()
        if subject is not None and subject != self._drawn:
            self._draw(subject)
        elif isinstance(subject, Notice) and time.monotonic() - self._made_at_s >= _REPEAT_S:
            self._publish(self._draw(subject))
        elif newer := self._scenes.wait_newer(self._looked_at, _LOOK_S):
            self._looked_at = newer[0]

    def _subject(self) -> Exposure | Notice | None:
        """Return what is to be seen; None while the view still holds the first scene back."""
        scene, health = self._scenes.get(), self._report().health
        fresh = scene and time.monotonic() - scene.frame.captured_at_s < _STALE_S
        if scene and fresh and health.healthy:
            return self._view.expose(scene)
        return self._notice()

    def _notice(self) -> Notice:
        scene = self._scenes.get()
        return notice_of(self._report().health, scene.frame.size if scene else _FIRST_SIZE)

    def _draw(self, subject: Exposure | Notice) -> bytes:
        with self._drawing:
            drawn = self._pictures.get()
            if drawn is None or subject != self._drawn:
                drawn = _encode(self._painted(subject), self._quality)
                self._drawn = subject
                self._publish(drawn)
            return drawn

    def _painted(self, subject: Exposure | Notice) -> BgrImage:
        return draw_notice(subject) if isinstance(subject, Notice) else self._view.draw(subject)

    def _publish(self, jpeg: bytes) -> None:
        self._made_at_s = time.monotonic()
        self._pictures.put(jpeg)


def _encode(bgr: BgrImage, quality: int) -> bytes:
    jpeg: bytes = simplejpeg.encode_jpeg(bgr, quality, colorspace="BGR", colorsubsampling="420")
    return jpeg
