"""The service: runs the capture and the inference thread, reports their health, and ends them.

A camera that stalls is reopened, and a frame at which the stage raises is skipped. A camera that
stays away, or a stage that goes on raising, ends the run with its error, and systemd starts the
program again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from edge.camera.source import FrameSource
from edge.camera_condition import CLOSING_S, Signs, condition, given_up
from edge.camera_openings import Openings
from edge.capture_loop import CaptureLoop
from edge.config import CameraConfig
from edge.datatypes import BY_PERSON, Health, Pause, Report, Vitals
from edge.errors import CameraError
from edge.inference_effort import InferenceEffort
from edge.inference_loop import InferenceLoop, Milestones, Stage
from edge.live_state import LiveState
from edge.process.threads import start_thread

log = logging.getLogger(__name__)

# How often the outputs get a report while no frame arrives.
_PULSE_S = 0.2
# A thread that has not ended by then is left behind; all are daemons.
_JOIN_S = 1.0


class Outputs(Protocol):
    """Where reports go; the fan-out."""

    def show(self, report: Report) -> None:
        """Take a report; never blocks and never raises."""
        ...

    def failing(self) -> tuple[str, ...]:
        """Return the names of the outputs that fail."""
        ...


class Service:
    """Runs one camera through one pipeline until `stop`."""

    def __init__(
        self,
        open_source: Callable[[], FrameSource],
        stage: Stage,
        outputs: Outputs,
        config: CameraConfig,
        *,
        alive: Callable[[], None] = lambda: None,
        inference_failed: Callable[[], None] = lambda: None,
        vitals: Callable[[], Vitals] = Vitals,
        began_s: float | None = None,
        enough_fps: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`alive` is called for each frame that passed every stage, and while paused.

        `inference_failed` is called for each frame that is skipped because the stage raised.
        `vitals` returns the state of the board. `began_s` is when the program was started, by
        default now; see Milestones. `enough_fps` is the most frames per second that viewers get.
        """
        self._live = LiveState(clock)
        self.scenes = self._live.scenes
        self._open_source = open_source
        self._camera = Openings(self._open_named, self._note_closed, clock)
        self._outputs = outputs
        self._config = config
        self._alive = alive
        self._vitals = vitals
        self._clock = clock
        self._watched_s = clock()
        self._telling = threading.Lock()
        self._failure: Exception | None = None
        self._source_name = config.source
        self._capture = CaptureLoop(self._camera, self._live, config.stall_s)
        milestones = Milestones(self._live.started_s if began_s is None else began_s, clock)
        effort = InferenceEffort(enough_fps, clock)
        self._inference = InferenceLoop(
            stage,
            self._live,
            self._finished,
            milestones,
            effort=effort,
            failed=inference_failed,
            clock=clock,
        )

    def stop(self) -> None:
        """Ask `run` to return; may be called from any thread, twice, but in no signal handler."""
        self._live.stopping.set()

    @property
    def paused(self) -> bool:
        """Whether a pause is in force; the camera is closed once `health` says so."""
        return self._live.paused

    @property
    def reason(self) -> Pause | None:
        """The pause in force, None without one."""
        return self._live.reason

    def pause(self, reason: Pause = BY_PERSON) -> None:
        """Close the camera and forget its frames, until `resume`; from any thread, twice.

        Returns when the camera is closed, or after CLOSING_S. Again with another `reason`, it
        replaces the earlier one. See pausing.py for who pauses.
        """
        opening = self._live.pause(reason)
        self._tell()
        if opening is not None:
            opening.close(CLOSING_S)

    def resume(self) -> None:
        """Open the camera again; from any thread, twice."""
        self._live.resume()

    def run(self, opened: Callable[[], None] = lambda: None) -> None:
        """Run until `stop`. Raises what ended it otherwise: an EdgeError or a defect's exception.

        The first opening happens before anything else, so that a missing camera is an error at
        once and not a retry; `opened` is called when it has succeeded. A device that starts paused
        does not open the camera. Whatever ends the run, the camera is closed.
        """
        if self._live.stopping.is_set():
            return
        opening = None if self.paused else self._camera.open()
        threads = []
        try:
            if opening is not None:
                self._capture.begin(opening)
            opened()
            threads += [start_thread("capture", self._guarded, self._capture.run)]
            threads += [start_thread("inference", self._guarded, self._inference.run)]
            while not self._live.stopping.wait(_PULSE_S):
                self._watch()
        finally:
            self._live.close()
            if (last := self._live.opening) is not None:
                last.close(_JOIN_S)
            for thread in threads:
                thread.join(_JOIN_S)
        if self._failure is not None:
            raise self._failure

    def report(self) -> Report:
        """Return the health of this moment, and the newest snapshot of this opening, if any."""
        health = self.health()
        return Report(snapshot=self._live.snapshot, health=health)

    def health(self) -> Health:
        """Return the health of the device at this moment."""
        now_s, snapshot = self._clock(), self._live.snapshot
        age_s = None if snapshot is None else now_s - snapshot.captured_at_s
        state, detail = condition(self._signs(age_s), self._config)
        return Health(
            camera=state,
            detail=detail,
            source=self._source_name,
            fps=self._live.frames_per_s(),
            age_s=age_s,
            uptime_s=now_s - self._live.started_s,
            failing_outputs=self._outputs.failing(),
            vitals=self._vitals(),
            camera_open=self._camera.on,
            pause=self._live.reason,
        )

    def _signs(self, age_s: float | None) -> Signs:
        now_s, live = self._clock(), self._live
        arrived_s = live.arrived_s
        return Signs(
            name=self._source_name,
            pausing_for_s=now_s - live.paused_s if live.paused else None,
            on=self._camera.on,
            age_s=age_s,
            silent_s=now_s - live.live_s,
            fault=live.fault,
            arrived_s=None if arrived_s is None else now_s - arrived_s,
            pause=live.reason,
        )

    def _open_named(self) -> FrameSource:
        source = self._open_source()
        if source.name != self._source_name:
            self._source_name = source.name
            log.info("camera: %s", source.name)
        return source

    def _note_closed(self) -> None:
        if self.paused and not self._camera.on:
            log.info("camera: paused")
        self._tell()

    def _finished(self) -> Report:
        """Report a frame that passed every stage."""
        report = self._tell()
        self._alive()
        return report

    def _tell(self) -> Report:
        """Pass the present report to the outputs; one at a time, so that the newest is the last."""
        with self._telling:
            report = self.report()
            self._outputs.show(report)
        return report

    def _watch(self) -> None:
        """Report while no frame arrives, and end the run when the camera is lost for too long.

        A program that was stopped, or a clock that jumped, says nothing about the camera.
        """
        if not self.health().healthy:
            self._tell()
        watched_s, self._watched_s = self._watched_s, self._clock()
        unwatched = not 0 <= self._watched_s - watched_s <= self._config.give_up_s / 2
        if self.paused:
            self._alive()
        if self.paused or unwatched:
            self._live.live_s = self._watched_s
        if self._watched_s - self._live.live_s > self._config.give_up_s:
            self._fail(CameraError(given_up(self._signs(None), self._config)))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as exc:
            self._fail(exc)

    def _fail(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self._live.stopping.set()
