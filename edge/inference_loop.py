"""The inference loop: takes the newest frame through the pipeline, and reports the result."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from edge.datatypes import Frame, Report, Snapshot
from edge.inference_effort import InferenceEffort
from edge.live_state import LiveState

log = logging.getLogger(__name__)

# How long the loop waits for a frame before it checks for a pause or the end.
_POLL_S = 0.2
# So many frames at which the stage fails are skipped, until so many in a row have succeeded.
_MOST_FAILURES, _FRAMES_TO_RECOVER = 10, 100


class Stage(Protocol):
    """What the service does with each frame; the pipeline."""

    def step(self, frame: Frame) -> Snapshot:
        """Return what is seen in `frame`."""
        ...

    def reset(self) -> None:
        """Forget what was seen before."""
        ...

    def slow_to(self, share: float) -> None:
        """Do this share, 0..1, of the work that can be left out."""
        ...


class Milestones:
    """Logs, once each, the time from the start to the first frame and the first labelled face."""

    def __init__(self, began_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._began_s = began_s
        self._clock = clock
        self._ahead = ["first frame", "first labelled face"]

    def note(self, snapshot: Snapshot) -> None:
        """Log each milestone that `snapshot` is the first to reach."""
        labelled = any(face.label for face in snapshot.faces)
        for name in list(self._ahead):
            if labelled or name == "first frame":
                self._ahead.remove(name)
                log.info("%s after %.1f s", name, self._clock() - self._began_s)


class StageFailures:
    """Counts the frames at which the stage failed, and logs the first one and the recovery.

    One frame that the stage cannot process is no reason to end the device: its cause may be gone
    with the frame. A stage that fails again and again needs a restart.
    """

    def __init__(self, failed: Callable[[], None]) -> None:
        """`failed` is called at each of them."""
        self._failed = failed
        self._failures = 0
        self._successes = 0

    def note_failure(self, exc: Exception) -> None:
        """Count a frame that is skipped. Raises `exc` when there were too many."""
        self._failed()
        if not self._failures:
            log.warning("inference failed, the frame is skipped: %s", exc, exc_info=exc)
        self._failures += 1
        self._successes = 0
        if self._failures > _MOST_FAILURES:
            raise exc

    def note_success(self) -> None:
        """Count a frame that passed the stage."""
        if not self._failures:
            return
        self._successes += 1
        if self._successes >= _FRAMES_TO_RECOVER:
            log.info("inference works again; %d frames were skipped", self._failures)
            self._failures = 0


class InferenceLoop:
    """Takes the newest frame of `live` through `stage`, until `live.stopping` is set.

    A slow stage skips frames and never queues them. `finished` is called after each published
    frame, and returns the report that the outputs were given; `failed` after each frame at which
    the stage failed. `effort` decides how much of its work the stage does on a hot or busy board.
    """

    def __init__(
        self,
        stage: Stage,
        live: LiveState,
        finished: Callable[[], Report],
        milestones: Milestones,
        *,
        effort: InferenceEffort,
        failed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stage = stage
        self._effort = effort
        self._live = live
        self._finished = finished
        self._milestones = milestones
        self._clock = clock
        self._stage_has_state = False
        self._failures = StageFailures(failed)

    def run(self) -> None:
        """Process frames until the end. Raises what the stage raises again and again."""
        version = 0
        while not self._live.stopping.is_set():
            version = self._process_newer(version)

    def _process_newer(self, version: int) -> int:
        """Process a frame newer than `version`, if one arrives; return its version.

        No reference to the frame outlives this call.
        """
        newer = self._live.frames.wait_newer(version, _POLL_S)
        if newer is None:
            self._reset_if_paused()
            return version
        skipped = newer[0] - version - 1 if self._stage_has_state else 0
        version, frame = newer
        self._stage_has_state = True
        self._stage.slow_to(self._effort.share)
        start_s = self._clock()
        snapshot = self._stepped(frame)
        took_s = self._clock() - start_s
        if snapshot is not None and self._live.publish(frame, snapshot):
            report = self._finished()
            self._milestones.note(snapshot)
            self._effort.note(busy_s=took_s, skipped=skipped, hot=report.health.vitals.hot)
            if self._effort.rests:
                self._live.stopping.wait(took_s)
        return version

    def _stepped(self, frame: Frame) -> Snapshot | None:
        """Return what the stage sees in `frame`, None when it failed; it starts again then."""
        try:
            snapshot = self._stage.step(frame)
        except Exception as exc:
            self._failures.note_failure(exc)
            self._stage.reset()
            return None
        self._failures.note_success()
        return snapshot

    def _reset_if_paused(self) -> None:
        if self._stage_has_state and self._live.paused:
            self._stage.reset()
            self._effort.restart()
            self._stage_has_state = False
