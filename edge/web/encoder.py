"""The encoder: one thread that draws and encodes what viewers are shown, while any of them watch.

The thread waits while there is no viewer, and nothing that it made or held is kept then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import simplejpeg

from edge.config import PrivacyMode, StreamConfig
from edge.datatypes import Report, Scene
from edge.latest import Latest
from edge.process.threads import start_thread
from edge.web.placeholder import (
    MAX_AGE_S,
    Notice,
    draw_notice,
    notice_of,
    notice_of_failure,
    notice_of_hiding,
)
from edge.web.privacy import FramesPerRound, ShownScene, filter_for

_LOOK_S = 0.2  # how often the health is checked while no frame arrives
_REPEAT_S = 1.0  # an unchanged notice is sent again: a write is how a viewer's leaving is noticed
_KEPT_S = MAX_AGE_S  # after the last viewer left; one that asks again and again is one viewer
_STOP_S = 1.0
_FIRST_SIZE = (640, 480)  # of a notice that is drawn before the first frame

log = logging.getLogger(__name__)


class _Request:
    """One request for a JPEG of what is to be seen after it was made."""

    def __init__(self, patience_s: float) -> None:
        self.ends_s = time.monotonic() + patience_s
        self.jpeg: bytes | None = None


class Encoder:
    """Encodes each frame once for all viewers, at most `config.fps` frames a second.

    `jpegs` holds the newest JPEG. The thread starts with `start`, or with the first viewer, and
    ends with `stop`, or when the scenes close.
    """

    def __init__(
        self,
        scenes: Latest[Scene],
        report: Callable[[], Report],
        config: StreamConfig,
        frames_per_round: FramesPerRound,
    ) -> None:
        """`frames_per_round` is how long a pixelated frame is held back; see privacy.py."""
        self.jpegs: Latest[bytes] = Latest()
        self._scenes = scenes
        self._report = report
        self.privacy: PrivacyMode = config.privacy
        """The filter in effect; see `set_privacy`."""
        self._frames_per_round = frames_per_round
        self._filter = filter_for(config.privacy, frames_per_round)
        self._quality = config.quality
        self._interval_s = 1 / config.fps
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_stopped = False
        self._streams = self._waiting = 0
        self._requests: list[_Request] = []
        self._is_asked = False
        self._working = threading.Lock()  # held while frames are read; taken before _changed
        self._size = _FIRST_SIZE
        self._looked_at = self._before_change = 0
        self._shown: ShownScene | Notice | None = None
        self._encoded_s: float | None = None
        self._is_failing = False
        self._breaks = 0  # how often not even a notice could be encoded
        scenes.when_changed(self._note_change)
        scenes.when_cleared(self._forget)

    def start(self) -> None:
        """Start the thread, unless it runs. Raises ResourceError when it cannot be started."""
        with self._changed:
            if self._thread is None and not self._is_over():
                self._thread = start_thread("encoder", self._run)

    def set_privacy(self, mode: PrivacyMode) -> None:
        """Change the filter; drops what was made with the earlier one, and waits for that.

        The newest frame is not pixelated: before, frames were searched less than that needs.
        """
        with self._working:
            newest = self._scenes.wait_newer(0, 0)
            self._before_change = newest[0] if newest and mode == "pixelate" else 0
            self.privacy = mode
            self._filter = filter_for(mode, self._frames_per_round)
            self._shown = None
            self.jpegs.clear()

    def stop(self) -> None:
        """End the thread and wake every reader; may be called twice."""
        self._is_stopped = True
        self._note_change()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count a viewer for as long as the context lasts."""
        self.start()
        with self._changed:
            self._streams += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._streams -= 1

    def wait_newer(self, version: int) -> tuple[int, bytes] | None:
        """Wait for a JPEG newer than `version`; None at the end, or when none can be made.

        Nothing is encoded while no viewer is ready for it.
        """
        with self.watched():
            with self._changed:
                self._waiting += 1
                breaks = self._breaks
            try:
                while not self._has_ended(breaks):
                    if newer := self.jpegs.wait_newer(version, _REPEAT_S):
                        return newer
            finally:
                with self._changed:
                    self._waiting -= 1
        return None

    def request(self, patience_s: float) -> bytes | None:
        """Return a JPEG of what is to be seen now; None at the end, or when none can be made.

        Frames that privacy holds back are waited for until `patience_s` have passed; then a notice
        says so.
        """
        request = _Request(patience_s)
        with self.watched(), self._changed:
            self._requests.append(request)
            self._is_asked = True
            self._changed.notify_all()
            breaks = self._breaks
            self._changed.wait_for(lambda: request.jpeg is not None or self._has_ended(breaks))
            if request in self._requests:
                self._requests.remove(request)
        return request.jpeg

    def age_s(self) -> float | None:
        """Return the age of the frame that viewers see, None while they see none."""
        shown, encoded_s, now_s = self._shown, self._encoded_s, time.monotonic()
        if not self._is_watched() or not isinstance(shown, ShownScene) or encoded_s is None:
            return None
        if now_s - encoded_s >= MAX_AGE_S:
            return None
        return now_s - shown.snapshot.captured_at_s

    def _run(self) -> None:
        while self._wait():
            with self._working:
                succeeded = self._work()
            if not succeeded:
                self._wait_for(lambda: False, _LOOK_S)  # not as often as it fails
        self._note_change()
        self._drop()

    def _wait(self) -> bool:
        """Wait until there is something to do; False at the end."""
        if not self._wait_for(self._is_watched, _KEPT_S):
            self._drop()
            self._wait_for(self._is_watched, None)
        if self._encoded_s is not None:
            due_in_s = self._encoded_s + self._interval_s - time.monotonic()
            self._wait_for(lambda: self._is_asked, max(due_in_s, 0.0))
        self._wait_for(self._has_news, _LOOK_S)
        return not self._is_over()

    def _wait_for(self, truth: Callable[[], bool], timeout_s: float | None) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._is_over() or truth(), timeout_s)

    def _is_watched(self) -> bool:
        return self._streams > 0

    def _has_news(self) -> bool:
        return self._is_asked or self._scenes.wait_newer(self._looked_at, 0) is not None

    def _has_ended(self, breaks: int) -> bool:
        return self._is_over() or self._breaks > breaks

    def _is_over(self) -> bool:
        return self._is_stopped or self._scenes.closed

    def _note_change(self) -> None:
        """Wake the thread, and at the end every reader too."""
        if self._is_over():
            self.jpegs.close()
        with self._changed:
            self._changed.notify_all()

    def _drop(self) -> None:
        """Drop everything that was made for viewers who have left."""
        self._forget()
        self._encoded_s = None

    def _forget(self) -> None:
        """Drop every frame and every JPEG; waits for the one that is being encoded."""
        with self._working:
            self._filter.forget()
            self.jpegs.clear()
            self._shown = None

    def _work(self) -> bool:
        """Do one step, or show why it failed; whether it succeeded."""
        with self._changed:
            self._is_asked = False
            requests = tuple(self._requests)
        try:
            self._step(requests)
        except Exception as exc:
            self._fail(exc, requests)
            return False
        return True

    def _step(self, requests: tuple[_Request, ...]) -> None:
        subject = self._look() or self._notice_of_waiting(requests)
        if subject is None or not (requests or self._waiting):
            return
        jpeg = self._encoded(subject)
        if self._is_failing:
            log.info("web: frames can be shown again")
            self._is_failing = False
        self._answer(requests, jpeg)

    def _fail(self, exc: Exception, requests: tuple[_Request, ...]) -> None:
        """Log the first of several failures, and show a notice; without one the streams end."""
        if not self._is_failing:
            log.error("web: frames cannot be shown: %r", exc, exc_info=exc)
            self._is_failing = True
        try:
            self._answer(requests, self._encoded(notice_of_failure(self._size)))
        except Exception:
            self._breaks += 1
            self.jpegs.clear()
            self._note_change()

    def _look(self) -> ShownScene | Notice | None:
        """Return what is to be seen; None while the first frames are held back."""
        newer, health = self._scenes.wait_newer(0, 0), self._report().health
        if newer is None:
            return notice_of(health, self._size)
        self._looked_at, scene = newer
        self._size = scene.frame.size
        is_fresh = time.monotonic() - scene.frame.captured_at_s < MAX_AGE_S
        if is_fresh and health.healthy:
            is_later = self._looked_at > self._before_change
            return self._filter.apply(scene) if is_later else None
        return notice_of(health, self._size)

    def _notice_of_waiting(self, requests: tuple[_Request, ...]) -> Notice | None:
        """Return the notice for held back frames, once something old is seen or was waited for."""
        now_s = time.monotonic()
        is_stale = self._encoded_s is not None and now_s - self._encoded_s >= MAX_AGE_S
        if is_stale or any(now_s >= request.ends_s for request in requests):
            return notice_of_hiding(self._size)
        return None

    def _encoded(self, subject: ShownScene | Notice) -> bytes:
        """Return the JPEG of `subject`, encoded and published unless it is the newest already."""
        jpeg, now_s = self.jpegs.get(), time.monotonic()
        if jpeg is None or subject != self._shown:
            jpeg = _encode(subject, self._quality)
            self._shown = subject
        elif isinstance(subject, ShownScene) or now_s - (self._encoded_s or 0.0) < _REPEAT_S:
            return jpeg
        self._encoded_s = time.monotonic()
        self.jpegs.put(jpeg)
        return jpeg

    def _answer(self, requests: tuple[_Request, ...], jpeg: bytes) -> None:
        with self._changed:
            for request in requests:
                request.jpeg = jpeg
            self._requests = [other for other in self._requests if other not in requests]
            self._changed.notify_all()


def _encode(subject: ShownScene | Notice, quality: int) -> bytes:
    bgr = draw_notice(subject) if isinstance(subject, Notice) else subject.draw()
    jpeg: bytes = simplejpeg.encode_jpeg(bgr, quality, colorspace="BGR", colorsubsampling="420")
    return jpeg
