"""The history on disk: one row and one transaction a minute, in SQLite.

The file may be removed, replaced or damaged, and its disk may be full or read-only for a while.
Minutes that cannot be written stay in memory for a day and are written later.
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

# After a power cut the clock may be behind by up to this much, so such rows are valid.
_AHEAD_S = 3600
_CLEAN_EVERY_S = 60.0
# The pause between two batches of deletions, so that other programs can use the disk.
_BETWEEN_BATCHES_S = 0.2

log = logging.getLogger(__name__)


class HistoryFile:
    """A Sink that writes the finished minutes of `history`, and reads them after a restart.

    It opens its file with the first report: a file that cannot be opened is a failed output, and
    the device still starts.
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
        """Delete minutes that are older than `days`, once the clock is trusted.

        `synchronised` returns whether a time server has set the clock.
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
        """Write the finished minutes. Raises OutputError; the next report tries again."""
        if abs(self._trust.observe()) > MINUTE_S:
            self._is_reconciled = False  # the last day now covers other minutes
        self._write(self._history.finished(), clean=self._monotonic() >= self._clean_at_s)

    def close(self) -> None:
        """Write the unfinished minute and close the file."""
        try:
            self._write(self._history.finished(settle=True))
        finally:
            self._close_database()

    def minutes(self, last_s: float) -> Iterator[Period]:
        """Yield the minutes that began in the last `last_s` seconds, oldest first.

        They are read on demand: three months of them would fill a small Pi's memory. Minutes that
        cannot be read are left out. The last day is also in memory.
        """
        last_s = min(last_s, self._kept_s)
        recent = self._history.minutes(last_s)
        known = {minute.start_s for minute in recent}
        kept = (minute for minute in self._kept(last_s) if minute.start_s not in known)
        yield from heapq.merge(kept, recent, key=lambda minute: minute.start_s)

    def steps(self, last_s: float) -> Sequence[Period]:
        """Return the steps that began in the last `last_s` seconds, which are in memory only."""
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
            self._close_database()
            raise self._failed(exc) from exc

    def _failed(self, exc: sqlite3.Error | OSError) -> OSError:
        """Return the error to raise; a damaged file is set aside before the next attempt."""
        if is_damage(exc):
            try:
                database.set_aside(self._path, exc)
            except OSError as cannot:
                return failure(self._path, cannot)
        return failure(self._path, exc)

    def _opened(self) -> sqlite3.Connection:
        """Return the connection to the file that is at the path now."""
        if self._db is not None and self._identity != database.identity(self._path):
            log.warning("history: %s was removed or replaced; opening it again", self._path)
            self._close_database()
        if self._db is None:
            database.delete_log_of(self._path, self._identity)
            self._db, self._identity = database.open_or_create(self._path)
            self._is_reconciled = self._cannot_shrink = False
        if not self._is_reconciled:
            self._reconcile(self._db)
            self._is_reconciled = True
        return self._db

    def _reconcile(self, db: sqlite3.Connection) -> None:
        """Copy the minutes of the last day that only one of file and memory has to the other."""
        now_s = self._clock()
        settled = [m for m in self._history.settled() if now_s - DAY_S < m.start_s <= now_s]
        with database.transaction(db):
            rows.store(db, rows.lacking(db, settled))
        known = {minute.start_s for minute in settled}
        kept = rows.read(db, now_s - DAY_S, now_s, self._note_skipped)
        self._history.restore([minute for minute in kept if minute.start_s not in known])

    def _clean(self, db: sqlite3.Connection) -> None:
        """Delete a batch of rows that must not be kept; after the last batch shrink the file."""
        deleted = self._delete_batch(db)
        is_done = deleted < rows.ROWS_AT_ONCE
        self._clean_at_s = self._monotonic() + (_CLEAN_EVERY_S if is_done else _BETWEEN_BATCHES_S)
        if is_done and not self._cannot_shrink and rows.is_mostly_free(db):
            try:
                rows.shrink(db)
            except sqlite3.Error as exc:  # it needs free space
                log.info("history: cannot make %s smaller: %s", self._path, exc)
                self._cannot_shrink = True

    def _delete_batch(self, db: sqlite3.Connection) -> int:
        """Delete rows that are too old, and rows in the future that a wrong clock has left.

        While the clock is not trusted, only the oldest rows beyond the number of minutes in `days`
        are deleted.
        """
        now_s, is_trusted = self._clock(), self._trust.is_trusted()
        with database.transaction(db):
            if not is_trusted:
                return rows.delete_surplus(db, self._kept_s // MINUTE_S)
            deleted = rows.delete_outside(db, now_s - self._kept_s, now_s + _AHEAD_S)
        database.delete_copies(self._path, before_s=now_s - self._kept_s)
        return deleted

    def _note_skipped(self, count: int) -> None:
        """Log how many rows are left out, each time the number reaches a new maximum."""
        if count > self._most_skipped:
            self._most_skipped = count
            log.warning("history: %s: %d rows hold no valid minute: left out", self._path, count)

    def _close_database(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()
