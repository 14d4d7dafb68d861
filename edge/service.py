"""The device's life: a thread that captures, one that looks, and the truth about both.

Between the threads lies one slot, so a slow stage skips frames and never queues them. Each frame
carries the number of the opening it is of, and one of another opening than the present is dropped
wherever it is met: what was seen before a pause is neither kept nor shown after it. A camera
that stalls is reopened with growing pauses; one that stays away, or a stage that breaks, ends the
run with its error, for systemd to start afresh.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from edge.camera.source import FrameSource
from edge.camera_condition import CLOSING_S, Signs, condition, given_up
from edge.camera_openings import Opening, Openings
from edge.config import CameraConfig
from edge.datatypes import Frame, Health, Report, Scene, Snapshot, Vitals
from edge.errors import CameraError
from edge.latest import Latest
from edge.process.threads import start_thread

log = logging.getLogger(__name__)

_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.5, 2.0
# A webcam that has just been opened sets its exposure before it delivers at all.
_FIRST_FRAME_S = 4.0
# How often the outputs hear of the health while no frame does it for them.
_PULSE_S = 0.2
# The frame rate is measured over this long.
_RATE_WINDOW_S = 2.0
# A thread that has not ended by then is left behind; all are daemons.
_JOIN_S = 1.0


class Stage(Protocol):
    """What the service does with each frame; the pipeline."""

    def step(self, frame: Frame) -> Snapshot:
        """Return what is seen in `frame`."""
        ...

    def reset(self) -> None:
        """Forget what was seen before."""
        ...


class Outputs(Protocol):
    """Where reports go; the fan-out."""

    def show(self, report: Report) -> None:
        """Take a report; never blocks and never raises."""
        ...

    def failing(self) -> tuple[str, ...]:
        """Return the names of the outputs that do not answer."""
        ...


class Service:
    """Runs one camera through one pipeline until told to stop."""

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        stage: Stage,
        outputs: Outputs,
        config: CameraConfig,
        *,
        alive: Callable[[], None] = lambda: None,
        vitals: Callable[[], Vitals] = Vitals,
        began_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`alive` is called for each frame that went all the way through, and while paused.

        `vitals` says how the board is; while it is hot, each frame is followed by a rest of the
        same length. `began_s` is when the program was started, by default now: the first frame
        and the first labelled face are logged with the time since.
        """
        self.scenes: Latest[Scene] = Latest()
        self._camera = Openings(open_source, self._note_closed, clock)
        self._stage = stage
        self._outputs = outputs
        self._config = config
        self._alive = alive
        self._vitals = vitals
        self._clock = clock
        self._frames: Latest[Frame] = Latest()
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._stop = threading.Event()
        self._awake = threading.Event()
        self._awake.set()
        self._failure: Exception | None = None
        self._opening: Opening | None = None
        self._source_name = config.source
        self._trouble = ""
        self._started_s = clock()
        self._began_s = self._started_s if began_s is None else began_s
        self._milestones = ["first frame", "first labelled face"]
        self._live_s = self._paused_s = self._started_s
        self._finished_s: deque[float] = deque(maxlen=600)
        self._snapshot: Snapshot | None = None
        self._stage_knows = False

    def stop(self) -> None:
        """Ask `run` to return; may be called from any thread, twice, but in no signal handler."""
        self._stop.set()

    @property
    def paused(self) -> bool:
        """Whether the camera was asked to rest; it does once `health` says so."""
        return not self._awake.is_set()

    def pause(self) -> None:
        """Close the camera and forget what it saw, until `resume`; from any thread, twice.

        Returns when the camera is closed, or later than that is waited for.
        """
        with self._lock:
            if not self.paused:
                log.info("camera: pausing")
                self._paused_s = self._clock()
            self._awake.clear()
            opening, self._opening, self._snapshot = self._opening, None, None
        self._forget()
        self._tell()
        if opening is not None:
            opening.close(CLOSING_S)

    def resume(self) -> None:
        """Open the camera again; from any thread, twice."""
        with self._lock:
            if self.paused:
                log.info("camera: resumed")
                self._live_s, self._trouble = self._clock(), ""
            self._awake.set()

    def toggle(self) -> None:
        """Pause, or resume when paused; what the button does."""
        if self.paused:
            self.resume()
        else:
            self.pause()

    def run(self, opened: Callable[[], None] = lambda: None) -> None:
        """Run until `stop`. Raises what ended it otherwise: an EdgeError or a defect's exception.

        The first opening happens before anything else, so that a missing camera is an error at
        once and not a retry; `opened` is called when it has succeeded. Whatever ends the run, the
        camera is closed.
        """
        if self._stop.is_set():
            return
        opening = self._camera.open()
        self._source_name = opening.name
        log.info("camera: %s", self._source_name)
        threads = []
        try:
            self._take(opening)
            opened()
            threads += [start_thread("capture", self._guarded, self._capture)]
            threads += [start_thread("look", self._guarded, self._look)]
            while not self._stop.wait(_PULSE_S):
                self._watch()
        finally:
            self._stop.set()
            self._frames.close()
            self.scenes.close()
            if (last := self._opening) is not None:
                last.close(_JOIN_S)
            for thread in threads:
                thread.join(_JOIN_S)
        if self._failure is not None:
            raise self._failure

    def report(self) -> Report:
        """Return the health of this moment, and the newest snapshot of this opening, if any."""
        health = self.health()
        return Report(snapshot=self._snapshot, health=health)

    def health(self) -> Health:
        """Return how the device is at this moment."""
        now_s, snapshot = self._clock(), self._snapshot
        finished = [t for t in tuple(self._finished_s) if 0 <= now_s - t <= _RATE_WINDOW_S]
        age_s = None if snapshot is None else now_s - snapshot.captured_at_s
        state, detail = condition(self._signs(age_s), self._config)
        return Health(
            camera=state,
            detail=detail,
            source=self._source_name,
            fps=len(finished) / min(_RATE_WINDOW_S, max(now_s - self._started_s, 0.1)),
            age_s=age_s,
            uptime_s=now_s - self._started_s,
            failing_outputs=self._outputs.failing(),
            vitals=self._vitals(),
            camera_open=self._camera.on,
        )

    def _signs(self, age_s: float | None) -> Signs:
        now_s = self._clock()
        return Signs(
            name=self._source_name,
            asked_to_rest_s=now_s - self._paused_s if self.paused else None,
            on=self._camera.on,
            age_s=age_s,
            silent_s=now_s - self._live_s,
            trouble=self._trouble,
        )

    def _note_closed(self) -> None:
        if self.paused and not self._camera.on:
            log.info("camera: paused")
        self._tell()

    def _tell(self) -> Report:
        """Show the outputs how things are; in turns, so that the last they hear is the newest."""
        with self._telling:
            report = self.report()
            self._outputs.show(report)
        return report

    def _watch(self) -> None:
        """Tell the outputs what no frame tells them, and end a run that is beyond hope."""
        if not self.health().healthy:
            self._tell()
        if self.paused:
            self._live_s = self._clock()
            self._alive()
        if self._clock() - self._live_s > self._config.give_up_s:
            self._fail(CameraError(given_up(self._signs(None), self._config)))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as exc:
            self._fail(exc)

    def _fail(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self._stop.set()

    def _capture(self) -> None:
        """Read frames into the slot; reopen the camera after a stall or a pause."""
        while self._has_opening():
            self._use_opening()

    def _use_opening(self) -> None:
        opening = self._opening
        if opening is None:
            return  # paused
        try:
            self._read_from(opening)
        except CameraError as exc:
            self._note_trouble(str(exc), opening)
        finally:
            opening.close(CLOSING_S)
            with self._lock:
                if self._opening is opening:
                    self._opening = None

    def _read_from(self, opening: Opening) -> None:
        patience_s = max(self._config.stall_s, _FIRST_FRAME_S)
        while not self._stop.is_set() and self._offer(opening, opening.read(patience_s)):
            patience_s = self._config.stall_s
            if self._trouble:
                log.info("camera: %s is back", opening.name)
                self._trouble = ""

    def _offer(self, opening: Opening, frame: Frame | None) -> bool:
        """Put a frame into the slot; False when its opening is no longer the present one."""
        with self._lock:
            if frame is None or self._opening is not opening:
                return False
            self._frames.put(frame)
            return True

    def _has_opening(self) -> bool:
        """Open the camera if it is not, with growing pauses until it works; False at the end."""
        pause_s = _FIRST_RETRY_S if self._trouble else 0.0
        while self._opening is None:
            if self._stop.wait(pause_s):
                return False
            if not self._awake.wait(_PULSE_S):
                pause_s = 0.0
                continue
            try:
                self._take(self._camera.open())
            except CameraError as exc:
                self._note_trouble(str(exc), None)
            pause_s = min(max(pause_s * 2, _FIRST_RETRY_S), _LONGEST_RETRY_S)
        return True

    def _take(self, opening: Opening) -> None:
        """Go on with a new opening, unless a pause or the end was asked for meanwhile."""
        self._forget()
        with self._lock:
            if not self.paused:
                self._opening = opening
        if self._opening is not opening:
            opening.close(CLOSING_S)

    def _forget(self) -> None:
        """Drop every frame and what was seen in it; none of the present opening is there yet."""
        with self._lock:
            self._snapshot = None
            self._finished_s.clear()
        self._frames.clear()
        self.scenes.clear()

    def _note_trouble(self, trouble: str, opening: Opening | None) -> None:
        with self._lock:
            if self.paused or self._stop.is_set() or self._opening is not opening:
                return  # it was closed on purpose
            if not self._trouble:
                log.warning("camera: %s; trying again", trouble)
            self._trouble = trouble

    def _look(self) -> None:
        """Take the newest frame through the pipeline, again and again."""
        version = 0
        while not self._stop.is_set():
            version = self._look_once(version)

    def _look_once(self, version: int) -> int:
        """Look at a frame newer than `version`, if one comes; return its version.

        What is known of the frame ends with this call.
        """
        newer = self._frames.wait_newer(version, _PULSE_S)
        if newer is None:
            if self._stage_knows and self.paused:
                self._stage.reset()
                self._stage_knows = False
            return version
        version, frame = newer
        self._stage_knows = True
        start_s = self._clock()
        snapshot = self._stage.step(frame)
        took_s = self._clock() - start_s
        if self._show(frame, snapshot):
            report = self._tell()
            self._alive()
            self._note_milestones(snapshot)
            if report.health.vitals.hot:
                self._stop.wait(took_s)
        return version

    def _show(self, frame: Frame, snapshot: Snapshot) -> bool:
        """Put a finished frame where it is seen; False when its opening is over."""
        with self._lock:
            if self._opening is None or frame.opening != self._opening.number:
                return False
            self._snapshot, self._live_s = snapshot, self._clock()
            self._finished_s.append(self._live_s)
            self.scenes.put(Scene(frame=frame, snapshot=snapshot))
            return True

    def _note_milestones(self, snapshot: Snapshot) -> None:
        """Log once how long after the start the device saw, and read, anything."""
        labelled = any(face.label for face in snapshot.faces)
        for name in list(self._milestones):
            if labelled or name == "first frame":
                self._milestones.remove(name)
                log.info("%s after %.1f s", name, self._clock() - self._began_s)
