"""Passes each report to every output; no output can slow down, stop or fail another."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from edge.datatypes import Report
from edge.errors import OutputError, OutputGone, OutputRetrying, ResourceError
from edge.latest import Latest
from edge.outputs.sink import Sink
from edge.process.threads import start_thread

logger = logging.getLogger(__name__)

_HANG_S = 1.5  # a sink that takes longer for one report counts as failing
_CLOSE_S = 1.0  # a sink that takes longer to close is abandoned


class FanOut:
    """Shows reports on many sinks, each on its own daemon thread, which skips older reports.

    A sink that raises is tried again with the next report, after a pause that doubles from
    `retry_s` to `max_retry_s`; with OutputRetrying it stays at `retry_s`. A failure or a hang is
    logged once, and the recovery once. A sink that is closed permanently is logged and closed, and
    no longer counts as failing.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        retry_s: float = 0.5,
        max_retry_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raise ResourceError, with every sink closed, when there is no thread for one."""
        self.reports: Latest[Report] = Latest()
        """The newest report, for readers that wait for it."""
        self._outlets = [_Outlet(sink, retry_s, max_retry_s, clock) for sink in sinks]
        self._closing = threading.Lock()
        try:
            for outlet in self._outlets:
                outlet.start()
        except ResourceError:
            self.close()
            raise

    def show(self, report: Report) -> None:
        """Offer the report to every sink; never blocks, never raises."""
        self.reports.put(report)
        for outlet in self._outlets:
            outlet.offer(report)

    def failing(self) -> tuple[str, ...]:
        """Return the names of the sinks whose last call raised or hangs."""
        return tuple(outlet.sink.name for outlet in self._outlets if outlet.failing())

    def close(self) -> None:
        """Close every sink, on its own thread; sinks still busy after a second are abandoned.

        It may be called twice, and from two threads: both calls return when it is done.
        """
        self.reports.close()
        with self._closing:
            for outlet in self._outlets:
                outlet.begin_close()
            deadline_s = time.monotonic() + _CLOSE_S
            for outlet in self._outlets:
                outlet.join(max(deadline_s - time.monotonic(), 0.0))


class _Outlet:
    """One sink, its slot and its thread."""

    def __init__(
        self, sink: Sink, retry_s: float, max_retry_s: float, clock: Callable[[], float]
    ) -> None:
        self.sink = sink
        self.reports: Latest[Report] = Latest()
        self._retry_s = retry_s
        self._max_retry_s = max_retry_s
        self._clock = clock
        self._down = False
        self._gone = False
        self._is_hung = False
        self._is_retrying = False
        self._busy_since_s: float | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = start_thread(f"sink-{self.sink.name}", self._run)

    def offer(self, report: Report) -> None:
        """Put the report into the slot; the first one during a hang logs it."""
        self.reports.put(report)
        if self._hangs() and not self._down:
            self._down = self._is_hung = True
            logger.warning("output %s hangs: no answer for %g s", self.sink.name, _HANG_S)

    def failing(self) -> bool:
        return self._down or self._hangs()

    def begin_close(self) -> None:
        self._closing.set()
        self.reports.close()

    def join(self, timeout_s: float) -> None:
        if self._thread is None:
            self._close_sink()
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            logger.warning("output %s does not close; abandoning it", self.sink.name)

    def _hangs(self) -> bool:
        busy_since_s = self._busy_since_s
        return busy_since_s is not None and self._clock() - busy_since_s > _HANG_S

    def _run(self) -> None:
        version, pause_s = 0, self._retry_s
        while not self._closing.is_set() and not self._gone:
            newer = self.reports.wait_newer(version, timeout_s=60.0)
            if newer is None:
                continue
            version, report = newer
            if self._shown(report):
                pause_s = self._retry_s
            else:
                self._closing.wait(pause_s)
                longer_s = min(pause_s * 2, self._max_retry_s)
                pause_s = self._retry_s if self._is_retrying else longer_s
        self._close_sink()

    def _shown(self, report: Report) -> bool:
        self._busy_since_s = self._clock()
        try:
            self.sink.show(report)
        except OutputGone as exc:
            logger.info("output %s is closed permanently: %s", self.sink.name, exc)
            self._down, self._gone = False, True
        except Exception as exc:
            self._is_retrying = isinstance(exc, OutputRetrying)
            self._went_down(exc)
        else:
            self._came_back()
        self._busy_since_s = None
        return not self._down

    def _went_down(self, exc: Exception) -> None:
        if not self._down or self._is_hung:  # a hang was logged without its reason
            # An OutputError needs no traceback; any other exception is a bug.
            unexpected = None if isinstance(exc, OutputError) else exc
            logger.warning("output %s failed: %s", self.sink.name, exc, exc_info=unexpected)
        self._down, self._is_hung = True, False

    def _came_back(self) -> None:
        if self._down:
            logger.info("output %s is back", self.sink.name)
        self._down = self._is_hung = False

    def _close_sink(self) -> None:
        try:
            self.sink.close()
        except Exception as exc:
            logger.warning("output %s did not close cleanly: %s", self.sink.name, exc)
