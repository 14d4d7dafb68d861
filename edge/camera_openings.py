"""The openings of the camera: whether the camera is on, and which opening a frame belongs to.

A driver may take seconds to close a camera, or hang. Closing therefore runs in its own thread, and
the camera counts as on until that thread has finished.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from edge.camera.source import FrameSource
from edge.datatypes import Frame
from edge.errors import EdgeError, ResourceError
from edge.process.threads import start_thread

log = logging.getLogger(__name__)


class Openings:
    """Opens the camera and tracks whether it is on; callable from any thread."""

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        closed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Call `closed`, from a background thread, each time the camera has been closed."""
        self._open_source = open_source
        self._closed = closed
        self._clock = clock
        self._lock = threading.Lock()
        self._on = 0
        self._number = 0

    @property
    def on(self) -> bool:
        """Whether the camera is open, or being opened or closed."""
        return self._on > 0

    def open(self) -> Opening:
        """Open the camera. Raises what opening it raises, see FrameSource."""
        with self._lock:
            self._on += 1
            self._number += 1
            number = self._number
        try:
            source = self._open_source()
        except BaseException:
            self._went_off()
            raise
        return Opening(source, number, self._off, self._clock)

    def _off(self) -> None:
        self._went_off()
        self._closed()

    def _went_off(self) -> None:
        with self._lock:
            self._on -= 1


class Opening:
    """One opening of the camera: its frames carry its `number`, 1 for the first."""

    def __init__(
        self,
        source: FrameSource,
        number: int,
        closed: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.name = source.name
        self.number = number
        self._source: FrameSource | None = source
        self._tell_closed = closed
        self._clock = clock
        self._lock = threading.Lock()
        self._is_closing = False
        self._closed = threading.Event()

    def read(self, timeout_s: float) -> Frame | None:
        """Return the newest frame, see FrameSource; None once `close` was called.

        A capture time in the future becomes the present time: else the frame would stay live.
        """
        source = self._source
        if source is None or self._is_closing:
            return None
        frame = source.read(timeout_s)
        at_s = min(frame.captured_at_s, self._clock())
        return replace(frame, opening=self.number, captured_at_s=at_s)

    def close(self, timeout_s: float) -> bool:
        """Close the camera, wait at most `timeout_s`, and return whether it is closed."""
        with self._lock:
            begins, self._is_closing = not self._is_closing, True
        if begins:
            try:
                start_thread("camera-close", self._close)
            except ResourceError:
                self._close()  # the camera must be off, so the caller waits
        return self._closed.wait(timeout_s)

    def _close(self) -> None:
        try:
            if self._source is not None:
                self._source.close()
        except Exception as exc:
            # It may still be on, so it counts as on.
            surprise = None if isinstance(exc, EdgeError) else exc
            log.warning("camera: %s does not close: %s", self.name, exc, exc_info=surprise)
            return
        self._source = None  # and drop the frames that it may hold
        self._tell_closed()
        self._closed.set()
