"""The history on disk: one row and one transaction a minute, in SQLite.

The file may be removed, replaced, damaged or on a disk that is full or read-only for a while:
what cannot be written stays in memory for a day and is written later.
"""

from __future__ import annotations

import contextlib
import heapq
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edge.datatypes import Period, Report
from edge.history import database, rows
from edge.history.database_errors import failure, is_damage
from edge.history.history import DAY_S, MINUTE_S, History
from edge.history.trusted_clock import TrustedClock

# A clock that was restored after a power cut is behind by up to so much: its rows are genuine.
_AHEAD_S = 3600
_CLEAN_EVERY_S = 60.0
# Between two batches of deletions, so that other programs get the disk as well.
_BETWEEN_BATCHES_S = 0.2

log = logging.getLogger(__name__)


class HistoryFile:
    """Writes down what `history` has finished, and reads it again after a restart; an output.

    It opens its file with the first report, so that a file that cannot be had is an output that
    does not answer, not a device that does not start.
    """

    name = "history-file"

    def __init__(
        self,
        path: Path,
        history: History,
        *,
        days: int,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        synchronised: Callable[[], bool] = lambda: False,
    ) -> None:
        """Minutes that are older than `days` are deleted, once the clock can be trusted.

        `synchronised` says whether a time server has set the clock.
        """
        self._path = path
        self._history = history
        self._kept_s = days * DAY_S
        self._clock = clock
        self._monotonic = monotonic
        self._trust = TrustedClock(clock, monotonic, synchronised)
        self._db: sqlite3.Connection | None = None
        self._identity = database.identity(path)
        self._is_reconciled = False
        self._cannot_shrink = False
        self._clean_at_s = monotonic()
        self._most_skipped = 0

    def show(self, report: Report) -> None:  # noqa: ARG002 (the history has seen it)
        """Write the minutes that are over. Raises OutputError; they are then tried again."""
        if abs(self._trust.observe()) > MINUTE_S:
            self._is_reconciled = False  # the last day is another one now
        self._write(self._history.finished(), clean=self._monotonic() >= self._clean_at_s)

    def close(self) -> None:
        """Write the last minute as far as it went, and close the file."""
        try:
            self._write(self._history.finished(settle=True))
        finally:
            self._hang_up()

    def minutes(self, last_s: float) -> Iterator[Period]:
        """Yield the minutes that began in the last so many seconds, oldest first.

        They are read as they are asked for: three months of them would fill a small Pi's memory.
        What cannot be read is missing; the last day is in memory as well.
        """
        last_s = min(last_s, self._kept_s)
        recent = self._history.minutes(last_s)
        known = {minute.start_s for minute in recent}
        kept = (minute for minute in self._kept(last_s) if minute.start_s not in known)
        yield from heapq.merge(kept, recent, key=lambda minute: minute.start_s)

    def steps(self, last_s: float) -> Sequence[Period]:
        """Return the steps that began in the last so many seconds, which are in memory only."""
        return self._history.steps(last_s)

    def _kept(self, last_s: float) -> Iterator[Period]:
        if last_s <= DAY_S or not self._path.exists():
            return
        now_s = self._clock()
        try:
            with contextlib.closing(database.connect(self._path)) as db:
                yield from rows.read(db, now_s - last_s, now_s, self._note_skipped)
        except sqlite3.Error as exc:
            log.warning("history: cannot read %s: %s", self._path, exc)

    def _write(self, minutes: Sequence[Period], *, clean: bool = False) -> None:
        try:
            db = self._opened()
            if minutes:
                with database.transaction(db):
                    rows.store(db, minutes)
                self._history.written(minutes)
            if clean:
                self._clean(db)
        except (sqlite3.Error, OSError) as exc:
            self._hang_up()
            raise self._failed(exc) from exc

    def _failed(self, exc: sqlite3.Error | OSError) -> OSError:
        """Return the error to raise; a file that caused it is set aside before the next try."""
        if is_damage(exc):
            try:
                database.set_aside(self._path, exc)
            except OSError as cannot:
                return failure(self._path, cannot)
        return failure(self._path, exc)

    def _opened(self) -> sqlite3.Connection:
        """Return the connection to the file that lies at the path now."""
        if self._db is not None and self._identity != database.identity(self._path):
            log.warning("history: %s was removed or replaced; opening it again", self._path)
            self._hang_up()
        if self._db is None:
            database.delete_log_of(self._path, self._identity)
            self._db = database.opened_or_begun(self._path)
            self._identity = database.identity(self._path)
            self._is_reconciled = self._cannot_shrink = False
        if not self._is_reconciled:
            self._reconcile(self._db)
            self._is_reconciled = True
        return self._db

    def _reconcile(self, db: sqlite3.Connection) -> None:
        """Give the file what it has lost, and the memory what it has not seen, of the last day."""
        now_s = self._clock()
        settled = [m for m in self._history.settled() if now_s - DAY_S < m.start_s <= now_s]
        with database.transaction(db):
            rows.store(db, rows.lacking(db, settled))
        known = {minute.start_s for minute in settled}
        kept = rows.read(db, now_s - DAY_S, now_s, self._note_skipped)
        self._history.restore([minute for minute in kept if minute.start_s not in known])

    def _clean(self, db: sqlite3.Connection) -> None:
        """Delete a batch of what the file must not keep; when that is done, make it smaller."""
        deleted = self._delete_batch(db)
        is_done = deleted < rows.ROWS_AT_ONCE
        self._clean_at_s = self._monotonic() + (_CLEAN_EVERY_S if is_done else _BETWEEN_BATCHES_S)
        if is_done and not self._cannot_shrink and rows.is_mostly_free(db):
            try:
                rows.shrink(db)
            except sqlite3.Error as exc:  # it needs room beside the file
                log.info("history: cannot make %s smaller: %s", self._path, exc)
                self._cannot_shrink = True

    def _delete_batch(self, db: sqlite3.Connection) -> int:
        """Delete what is too old, and what a clock that was ahead has left in the future.

        As long as the clock is not trusted, only the oldest of more rows than `days` have minutes.
        """
        now_s, is_trusted = self._clock(), self._trust.is_trusted()
        with database.transaction(db):
            if not is_trusted:
                return rows.delete_surplus(db, self._kept_s // MINUTE_S)
            deleted = rows.delete_outside(db, now_s - self._kept_s, now_s + _AHEAD_S)
        database.delete_copies(self._path, before_s=now_s - self._kept_s)
        return deleted

    def _note_skipped(self, count: int) -> None:
        """Log how many rows are left out, once for each number that is a new highest."""
        if count > self._most_skipped:
            self._most_skipped = count
            log.warning("history: %s: %d rows hold no valid minute: left out", self._path, count)

    def _hang_up(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()
