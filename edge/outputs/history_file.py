"""The history on disk: one row and one transaction a minute, in SQLite.

With its write-ahead log synchronous, a power cut loses what was not committed, the last minute,
and never the file. A file that is damaged all the same is moved aside and a new one begun.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edge.datatypes import Period, Report
from edge.errors import OutputError
from edge.outputs.history import History, added

_VERSION = 1  # of the table, in the file's user_version
_DAY_S = 24 * 3600
_COMPANIONS = ("", "-wal", "-shm")
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS minutes (
        start_s INTEGER PRIMARY KEY,  -- seconds of the Unix epoch
        watched_s REAL NOT NULL,      -- for how long the camera was live
        face_s TEXT NOT NULL          -- JSON: for how long faces showed what, label by label
    )
"""

_FORGET = """
    DELETE FROM minutes WHERE start_s IN (
        SELECT start_s FROM minutes WHERE start_s < ? ORDER BY start_s LIMIT 10
    )
"""

log = logging.getLogger(__name__)


class HistoryFile:
    """Writes down what `history` has finished, and reads it again after a restart; an output.

    It opens its file with the first report, so that a file that cannot be had is an output that
    does not answer, not a device that does not start.
    """

    name = "history-file"

    def __init__(
        self, path: Path, history: History, *, days: int, clock: Callable[[], float] = time.time
    ) -> None:
        """Minutes that are older than `days` are deleted."""
        self._path = path
        self._history = history
        self._kept_s = days * _DAY_S
        self._clock = clock
        self._db: sqlite3.Connection | None = None
        self._restored = False

    def show(self, report: Report) -> None:  # noqa: ARG002 (the history has seen it)
        """Write the minutes that are over. Raises OutputError; they are then tried again."""
        self._write(self._history.finished())

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
        if last_s <= _DAY_S or not self._path.exists():
            return
        now_s = self._clock()
        try:
            with contextlib.closing(_connect(self._path)) as db:
                yield from _rows(db, now_s - last_s, now_s)
        except sqlite3.Error as exc:
            log.warning("history: cannot read %s: %s", self._path, exc)

    def _write(self, minutes: Sequence[Period]) -> None:
        try:
            db = self._opened()
            if minutes:
                with _transaction(db):
                    _store(db, minutes)
                    self._forget(db)
        except sqlite3.Error as exc:
            self._hang_up()  # the next try looks at the file anew, and finds the damage if any
            raise OutputError(
                f"history: {self._path}: {exc}; free the disk, or set [history] keep to memory"
            ) from exc
        self._history.written(len(minutes))

    def _forget(self, db: sqlite3.Connection) -> None:
        # A few at a time: a clock that leaps ahead for a minute must not cost the whole history.
        db.execute(_FORGET, (self._clock() - self._kept_s,))

    def _hang_up(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            db = _open_or_begin_anew(self._path)
            if not self._restored:
                self._history.restore(list(_rows(db, self._clock() - _DAY_S, self._clock())))
                self._restored = True
            self._db = db
        return self._db


def _open_or_begin_anew(path: Path) -> sqlite3.Connection:
    """Return the file opened and found whole; a damaged one is kept under another name."""
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise  # locked, full, not permitted: nothing wrong with what is in it
    except sqlite3.DatabaseError as exc:
        aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        log.warning("history: %s: %s; it is kept as %s", path, exc, aside.name)
    for companion in _COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{companion}").rename(f"{aside}{companion}")
    return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    """Return a connection to write with. Raises sqlite3.DatabaseError when the file is damaged."""
    db = _connect(path)
    try:
        _check(db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        with _transaction(db):
            db.execute(_SCHEMA)
            db.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError unless this is a whole file of our kind."""
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in (0, _VERSION):
        raise sqlite3.DatabaseError(f"its version is {version}, not {_VERSION}")


def _connect(path: Path) -> sqlite3.Connection:
    # Used by one thread at a time: the output's own, or the one that answers a request.
    return sqlite3.connect(path, timeout=2.0, isolation_level=None, check_same_thread=False)


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def _store(db: sqlite3.Connection, minutes: Sequence[Period]) -> None:
    """Add each minute to what the file has of it: after a clock was set back it comes again."""
    for minute in minutes:
        total = minute
        for kept in _rows(db, minute.start_s - 1, minute.start_s):
            total = added(kept, minute)
        row = (total.start_s, total.watched_s, json.dumps(dict(total.face_s)))
        db.execute("INSERT OR REPLACE INTO minutes VALUES (?, ?, ?)", row)


def _rows(db: sqlite3.Connection, first_s: float, last_s: float) -> Iterator[Period]:
    """Yield the minutes after `first_s` up to `last_s`, oldest first."""
    query = "SELECT * FROM minutes WHERE start_s > ? AND start_s <= ? ORDER BY start_s"
    for start_s, watched_s, face_s in db.execute(query, (first_s, last_s)):
        with contextlib.suppress(ValueError, AttributeError, TypeError):  # a rotten row
            times = {str(label): float(s) for label, s in json.loads(face_s).items()}
            yield Period(start_s=start_s, watched_s=float(watched_s), face_s=times)
