"""The history in memory: for how long each expression was seen, summed by the minute.

It holds no identity, no position and no frame. Durations are measured with the monotonic clock,
periods with the wall clock. A Pi without a battery clock starts with the last time it knew and
jumps ahead once a time server sets it. A period that occurs twice is summed, and a period that was
skipped is missing. `watched_s` can therefore be longer than the period. The mean and the shares are
of all of `watched_s`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from edge.datatypes import UNCERTAIN, Period, Report, Snapshot

MINUTE_S = 60
STEP_S = 5
DAY_S = 24 * 3600
STEPS_KEPT_S = 15 * 60
_MINUTES_KEPT = DAY_S // MINUTE_S
_STEPS_KEPT = STEPS_KEPT_S // STEP_S
# Between two snapshots further apart lies a pause or a lost camera, which does not count.
_LONGEST_GAP_S = 2.0
# A shorter time is a rounding error of a sum.
_LEAST_S = 1e-3


class History:
    """A Sink that keeps the last day by the minute and the last 15 minutes by steps."""

    name = "history"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._minutes = _Periods(MINUTE_S, _MINUTES_KEPT)
        self._steps = _Periods(STEP_S, _STEPS_KEPT)
        self._current: Period | None = None
        self._finished: deque[Period] = deque(maxlen=_MINUTES_KEPT)
        self._seen: Snapshot | None = None

    def show(self, report: Report) -> None:
        """Add the time since the last report to its faces' labels, while the camera is live."""
        snapshot = report.snapshot if report.health.healthy else None
        before, self._seen = self._seen, snapshot
        if snapshot is None or before is None or snapshot.seq < before.seq:
            return  # frames are counted from 0 per opening: the camera was closed in between
        duration_s = snapshot.captured_at_s - before.captured_at_s
        if 0 < duration_s <= _LONGEST_GAP_S:
            self._add(snapshot, duration_s)

    def close(self) -> None:
        """End the current duration; the history stays readable."""
        self._seen = None

    def minutes(self, last_s: float) -> Sequence[Period]:
        """Return the minutes that began in the last `last_s` seconds, oldest first."""
        now_s = self._clock()
        with self._lock:
            return self._minutes.between(now_s - last_s, now_s)

    def steps(self, last_s: float) -> Sequence[Period]:
        """Return the steps of STEP_S that began in the last `last_s` seconds, oldest first."""
        now_s = self._clock()
        with self._lock:
            return self._steps.between(now_s - last_s, now_s)

    def finished(self, *, settle: bool = False) -> Sequence[Period]:
        """Return the minutes that are over and not yet `written`, for an output that keeps them.

        A minute that comes twice is here twice. `settle` counts the present one as over. Of more
        than a day of them, the oldest are dropped.
        """
        with self._lock:
            if settle and self._current is not None:
                self._finished.append(self._current)
                self._current = None
            return tuple(self._finished)

    def written(self, minutes: Sequence[Period]) -> None:
        """Forget these `finished` minutes; some may have been dropped in the meantime."""
        done = {id(minute) for minute in minutes}
        with self._lock:
            kept = [minute for minute in self._finished if id(minute) not in done]
            self._finished = deque(kept, maxlen=_MINUTES_KEPT)

    def settled(self) -> Sequence[Period]:
        """Return the minutes in memory without the part still to be `written`, oldest first."""
        with self._lock:
            pending = list(self._finished)
            if self._current is not None:
                pending.append(self._current)
            rest = {minute.start_s: minute for minute in self._minutes.all()}
        for minute in pending:
            if minute.start_s in rest:
                rest[minute.start_s] = _less(rest[minute.start_s], minute)
        return [minute for minute in rest.values() if minute.watched_s > _LEAST_S]

    def restore(self, minutes: Sequence[Period]) -> None:
        """Add the minutes of an earlier run, oldest first."""
        with self._lock:
            self._minutes.put_before(minutes)

    def _add(self, snapshot: Snapshot, duration_s: float) -> None:
        labels = Counter(face.label or UNCERTAIN for face in snapshot.faces)
        face_s = {label: count * duration_s for label, count in labels.items()}
        now_s = self._clock()
        with self._lock:
            for periods in (self._minutes, self._steps):
                periods.add(period_at(now_s, periods.length_s, duration_s, face_s))
            minute = period_at(now_s, MINUTE_S, duration_s, face_s)
            if self._current is not None and self._current.start_s != minute.start_s:
                self._finished.append(self._current)
                self._current = None
            self._current = minute if self._current is None else added(self._current, minute)


class _Periods:
    """Periods of one length by their start; beyond the limit, the oldest updated one is dropped."""

    def __init__(self, length_s: int, limit: int) -> None:
        self.length_s = length_s
        self._limit = limit
        self._kept: dict[int, Period] = {}

    def add(self, period: Period) -> None:
        kept = self._kept.pop(period.start_s, None)
        self._kept[period.start_s] = period if kept is None else added(kept, period)
        if len(self._kept) > self._limit:
            del self._kept[next(iter(self._kept))]

    def put_before(self, periods: Sequence[Period]) -> None:
        known, self._kept = self._kept, {}
        for period in (*periods, *known.values()):
            self.add(period)

    def all(self) -> list[Period]:
        return [self._kept[start] for start in sorted(self._kept)]

    def between(self, first_s: float, last_s: float) -> list[Period]:
        return [self._kept[start] for start in sorted(self._kept) if first_s < start <= last_s]


def period_at(at_s: float, length_s: int, watched_s: float, face_s: Mapping[str, float]) -> Period:
    """Return the period of `length_s` that contains `at_s`, with these durations."""
    start_s = int(at_s // length_s) * length_s
    return Period(start_s=start_s, watched_s=watched_s, face_s=face_s)


def added(one: Period, other: Period) -> Period:
    """Return the sum of both, with the start of the first."""
    names = dict.fromkeys((*one.face_s, *other.face_s))
    return Period(
        start_s=one.start_s,
        watched_s=one.watched_s + other.watched_s,
        face_s={name: one.face_s.get(name, 0.0) + other.face_s.get(name, 0.0) for name in names},
    )


def _less(one: Period, other: Period) -> Period:
    """Return `one` minus `other`, never below 0."""
    face_s = {name: max(s - other.face_s.get(name, 0.0), 0.0) for name, s in one.face_s.items()}
    watched_s = max(one.watched_s - other.watched_s, 0.0)
    return Period(start_s=one.start_s, watched_s=watched_s, face_s=face_s)
