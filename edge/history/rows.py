"""Reads, checks, adds and deletes rows of the history, in batches.

A read that stays open prevents SQLite from emptying its log. A row may have been edited by hand or
changed by a failing disk: invalid rows are left out, and all others are read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence

from edge.datatypes import Period
from edge.history.history import MINUTE_S, added

ROWS_AT_ONCE = 500  # read or deleted in one transaction
_LONGEST_JSON = 16 * 1024  # characters
_LONGEST_S = 366 * 24 * 3600.0  # of one minute, summed while a clock stood still
_MOST_FACES = 1000.0  # on average
_MOSTLY_FREE = 0.5  # share of the file's pages
_SMALL_PAGES = 256

# A value of another type, or one that is too long, is not loaded.
_READ = f"""
    SELECT start_s,
        CASE typeof(watched_s) WHEN 'real' THEN watched_s END,
        CASE WHEN typeof(face_s) = 'text' AND length(face_s) <= {_LONGEST_JSON} THEN face_s END
    FROM minutes WHERE start_s > ? AND start_s <= ? ORDER BY start_s LIMIT {ROWS_AT_ONCE}
"""  # noqa: S608 (constants of this module)
_DELETE_OUTSIDE = f"""
    DELETE FROM minutes WHERE start_s IN (
        SELECT start_s FROM minutes WHERE start_s < ?
        UNION ALL SELECT start_s FROM minutes WHERE start_s > ? LIMIT {ROWS_AT_ONCE}
    )
"""  # noqa: S608
_DELETE_OLDEST = """
    DELETE FROM minutes WHERE start_s IN (SELECT start_s FROM minutes ORDER BY start_s LIMIT ?)
"""


def read(
    db: sqlite3.Connection,
    first_s: float,
    last_s: float,
    skipped: Callable[[int], None] = lambda _: None,
) -> Iterator[Period]:
    """Yield the minutes after `first_s` up to `last_s`, oldest first.

    At the end `skipped` is called with the number of invalid rows, if there are any.
    """
    invalid = 0
    while found := db.execute(_READ, (first_s, last_s)).fetchall():
        for row in found:
            minute = _valid(*row)
            if minute is None:
                invalid += 1
            else:
                yield minute
        first_s = found[-1][0]
    if invalid:
        skipped(invalid)


def store(db: sqlite3.Connection, minutes: Sequence[Period]) -> None:
    """Add each minute to its row: a minute occurs twice after a clock was set back."""
    for minute in minutes:
        total = minute
        for kept in read(db, minute.start_s - 1, minute.start_s):
            total = added(kept, minute)
        row = (total.start_s, total.watched_s, json.dumps(dict(total.face_s)))
        db.execute("INSERT OR REPLACE INTO minutes VALUES (?, ?, ?)", row)


def lacking(db: sqlite3.Connection, minutes: Sequence[Period]) -> list[Period]:
    """Return the minutes without a row in the file."""
    query = "SELECT 1 FROM minutes WHERE start_s = ?"
    return [m for m in minutes if db.execute(query, (m.start_s,)).fetchone() is None]


def delete_outside(db: sqlite3.Connection, first_s: float, last_s: float) -> int:
    """Delete a batch of rows before `first_s` and after `last_s`; return their number."""
    return db.execute(_DELETE_OUTSIDE, (first_s, last_s)).rowcount


def delete_surplus(db: sqlite3.Connection, most: int) -> int:
    """Delete a batch of the oldest rows beyond `most` rows; return their number."""
    (count,) = db.execute("SELECT count(*) FROM minutes").fetchone()
    surplus = min(count - most, ROWS_AT_ONCE)
    return db.execute(_DELETE_OLDEST, (surplus,)).rowcount if surplus > 0 else 0


def is_mostly_free(db: sqlite3.Connection) -> bool:
    """Whether shrinking the file is worthwhile; a few free pages are reused."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    return bool(pages > _SMALL_PAGES and free > _MOSTLY_FREE * pages)


def shrink(db: sqlite3.Connection) -> None:
    """Release the free pages to the disk; takes as long as rewriting the rest."""
    db.execute("VACUUM")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _valid(start_s: int, watched_s: object, face_s: object) -> Period | None:
    """Return the row as a minute, None when it is not one."""
    try:
        watched = _seconds(watched_s)
        times = {label: _seconds(s) for label, s in _object(face_s).items()}
    except (ValueError, TypeError, RecursionError):
        return None
    if start_s % MINUTE_S or sum(times.values()) > _MOST_FACES * watched:
        return None
    return Period(start_s=start_s, watched_s=watched, face_s=times)


def _object(text: object) -> dict[str, object]:
    found = json.loads(text) if isinstance(text, str) else None
    if not isinstance(found, dict):
        raise TypeError("not a JSON object")
    return found


def _seconds(value: object) -> float:
    # A boolean is an int to Python; NaN and Infinity are numbers to its JSON.
    if type(value) not in (int, float) or not 0 <= value <= _LONGEST_S:  # type: ignore[operator]
        raise ValueError("not a duration")
    return float(value)  # type: ignore[arg-type]
