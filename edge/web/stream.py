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
from edge.web.placeholder import Notice, draw_notice, notice_of, notice_of_hiding
from edge.web.privacy import Exposure, Round, view_for
from edge.web.viewer_limit import Seats

BOUNDARY = "frame"
MIMETYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
_DELIMITER = f"--{BOUNDARY}\r\n".encode()

# A frame older than _STALE_S gives way to a notice at the next look: within two seconds.
_STALE_S = 1.75
_LOOK_S = 0.2
_REPEAT_S = 1.0  # an unchanged notice is sent again: a write is how a viewer's leaving is noticed
# How long the first picture of a view that holds pictures back is waited for: a viewer is told
# then, and whoever asks for one picture alone waits for a slow camera's whole round.
_PATIENCE_S, _LONGEST_PATIENCE_S = 4.0, 30.0
_MOST_PATIENT = 2  # who wait so long at once; each holds a thread of the server
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
        self._patient = threading.BoundedSemaphore(_MOST_PATIENT)
        self._looking = threading.Lock()
        self._epoch = 0  # of what may still be shown; `_forget` begins the next
        self._drawing = threading.Lock()
        self._size = _FIRST_SIZE
        self._drawn: Exposure | Notice | None = None
        self._pictures: Latest[bytes] = Latest()
        self._looked_at = 0
        self._made_at_s = float("-inf")
        scenes.when_cleared(self._forget)

    def picture(self) -> bytes:
        """Return what is to be seen now; encodes it unless a viewer has already.

        A view that holds pictures back is waited for while frames arrive, half a minute at most.
        """
        is_patient = self._patient.acquire(blocking=False)
        try:
            return self._awaited(_LONGEST_PATIENCE_S if is_patient else _PATIENCE_S)
        finally:
            if is_patient:
                self._patient.release()

    def age_s(self) -> float | None:
        """Return the age of the picture that viewers see, None while they see none."""
        drawn, now_s = self._drawn, time.monotonic()
        if not isinstance(drawn, Exposure) or now_s - self._made_at_s >= _STALE_S:
            return None
        return now_s - drawn.snapshot.captured_at_s

    def _awaited(self, patience_s: float) -> bytes:
        ends_s = time.monotonic() + patience_s
        looked_at = 0
        while (look := self._look())[1] is None and time.monotonic() < ends_s:
            newer = self._scenes.wait_newer(looked_at, _LOOK_S)
            looked_at = newer[0] if newer else looked_at
            if self._scenes.closed:
                break
        epoch, subject = look
        return self._draw(epoch, subject or notice_of_hiding(self._size))

    def wait_newer(self, version: int) -> tuple[int, bytes] | None:
        """Wait for a picture newer than `version` (0: any); None once the scenes have ended.

        Returns the version and its picture; the version is to be passed to the next call.
        """
        if not version:
            self._awaited(_PATIENCE_S)  # what the last viewer saw may be an hour old
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
        epoch, subject = self._look()
        made_ago_s = time.monotonic() - self._made_at_s
        if subject is None and made_ago_s >= _STALE_S:
            subject = notice_of_hiding(self._size)  # not what was seen before
        if subject is not None and subject != self._drawn:
            self._draw(epoch, subject)
        elif isinstance(subject, Notice) and made_ago_s >= _REPEAT_S:
            self._publish(self._draw(epoch, subject))
        elif newer := self._scenes.wait_newer(self._looked_at, _LOOK_S):
            self._looked_at = newer[0]

    def _look(self) -> tuple[int, Exposure | Notice | None]:
        """Return what is to be seen and its epoch; None while the first scene is held back."""
        with self._looking:
            scene, health = self._scenes.get(), self._report().health
            fresh = scene and time.monotonic() - scene.frame.captured_at_s < _STALE_S
            self._size = scene.frame.size if scene else self._size
            if scene and fresh and health.healthy:
                return self._epoch, self._view.expose(scene)
            return self._epoch, notice_of(health, self._size)

    def _forget(self) -> None:
        """Drop every picture, and let none be drawn of what was exposed before."""
        with self._looking, self._drawing:
            self._epoch += 1
            self._view.forget()
            self._pictures.clear()
            self._drawn = None

    def _draw(self, epoch: int, subject: Exposure | Notice) -> bytes:
        with self._drawing:
            if epoch != self._epoch:
                subject = notice_of(self._report().health, self._size)
            drawn = self._pictures.get()
            if drawn is None or subject != self._drawn:
                drawn = _encode(self._painted(subject), self._quality)
                self._drawn = subject
                self._publish(drawn)
            return drawn

    def _painted(self, subject: Exposure | Notice) -> BgrImage:
        return draw_notice(subject) if isinstance(subject, Notice) else subject.draw()

    def _publish(self, jpeg: bytes) -> None:
        self._made_at_s = time.monotonic()
        self._pictures.put(jpeg)


def _encode(bgr: BgrImage, quality: int) -> bytes:
    jpeg: bytes = simplejpeg.encode_jpeg(bgr, quality, colorspace="BGR", colorsubsampling="420")
    return jpeg
