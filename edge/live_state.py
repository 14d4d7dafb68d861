"""The state that the capture thread, the inference thread and the page share, behind one lock.

Each frame carries the number of its camera opening. A frame of an earlier opening is dropped
wherever it appears, so nothing captured before a pause is kept or shown after it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from edge.camera_condition import CameraFault
from edge.camera_openings import Opening
from edge.datatypes import Frame, Pause, Scene, Snapshot
from edge.errors import CameraError
from edge.latest import Latest

log = logging.getLogger(__name__)

# The frame rate is measured over this long.
_RATE_WINDOW_S = 2.0


class LiveState:
    """The current opening of the camera, its newest frame, and what was found in it.

    `stopping` is set when the run ends, `awake` while the camera is not paused; `reason` is the
    pause in force, None without one; `arrived_s` is when the opening delivered its newest frame.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.frames: Latest[Frame] = Latest()
        self.scenes: Latest[Scene] = Latest()
        self.stopping = threading.Event()
        self.awake = threading.Event()
        self.awake.set()
        self.reason: Pause | None = None
        self.opening: Opening | None = None
        self.snapshot: Snapshot | None = None
        self.fault: CameraFault | None = None
        self.arrived_s: float | None = None
        self.started_s = self.live_s = self.paused_s = clock()
        self._clock = clock
        self._lock = threading.Lock()
        self._finished_s: deque[float] = deque(maxlen=600)

    @property
    def paused(self) -> bool:
        """Whether a pause is in force; the camera may still be closing."""
        return not self.awake.is_set()

    def pause(self, reason: Pause) -> Opening | None:
        """Forget every frame; return the opening that the caller must close, None without one."""
        with self._lock:
            if not self.paused:
                log.info("camera: pausing")
                self.paused_s = self._clock()
            self.reason = reason
            self.awake.clear()
            opening, self.opening, self.snapshot = self.opening, None, None
        self.forget()
        return opening

    def resume(self) -> None:
        """End the pause and forget the camera error from before it."""
        with self._lock:
            if self.paused:
                log.info("camera: resumed")
                self.live_s, self.fault = self._clock(), None
            self.reason = None
            self.awake.set()

    def begin(self, opening: Opening) -> bool:
        """Make `opening` the current one; False when a pause began in the meantime."""
        self.forget()
        with self._lock:
            if not self.paused:
                self.opening = opening
            return self.opening is opening

    def end(self, opening: Opening) -> None:
        """Record that `opening` is over."""
        with self._lock:
            if self.opening is opening:
                self.opening = None

    def forget(self) -> None:
        """Drop every frame and every result; called while the current opening has none yet."""
        with self._lock:
            self.snapshot = self.arrived_s = None
            self._finished_s.clear()
        self.frames.clear()
        self.scenes.clear()

    def offer(self, opening: Opening, frame: Frame | None) -> bool:
        """Offer a frame to the inference loop; False when `opening` is no longer the current one.

        A frame ends the camera error.
        """
        with self._lock:
            if frame is None or self.opening is not opening:
                return False
            self.arrived_s = self._clock()
            self.frames.put(frame)
        if self.fault:
            log.info("camera: %s is back", opening.name)
            self.fault = None
        return True

    def note_camera_error(self, error: CameraError, opening: Opening | None) -> None:
        """Keep the error, and log the first one, unless the camera was closed on purpose."""
        with self._lock:
            if self.paused or self.stopping.is_set() or self.opening is not opening:
                return
            if self.fault is None:
                log.warning("camera: %s; trying again", error)
            self.fault = CameraFault.of(error)

    def publish(self, frame: Frame, snapshot: Snapshot) -> bool:
        """Show a finished frame; False when its opening is over."""
        with self._lock:
            if self.opening is None or frame.opening != self.opening.number:
                return False
            self.snapshot, self.live_s = snapshot, self._clock()
            self._finished_s.append(self.live_s)
            self.scenes.put(Scene(frame=frame, snapshot=snapshot))
            return True

    def frames_per_s(self) -> float:
        """Return the rate of finished frames over the last two seconds."""
        now_s = self._clock()
        finished = [t for t in tuple(self._finished_s) if 0 <= now_s - t <= _RATE_WINDOW_S]
        return len(finished) / min(_RATE_WINDOW_S, max(now_s - self.started_s, 0.1))

    def close(self) -> None:
        """Stop both loops, and wake everything that waits for a frame."""
        self.stopping.set()
        self.frames.close()
        self.scenes.close()
