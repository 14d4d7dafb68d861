"""Opens and checks the history's SQLite file, and sets it aside when it is damaged.

The write-ahead log is synchronous, so a power cut loses only the uncommitted last minute. Only the
file's owner can read it, and SQLite gives its log the same mode.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from edge.history.database_errors import Damaged, is_damage, reason_of

_VERSION = 1  # of the table, in the file's user_version
_WAL_BYTES = 1 << 20  # SQLite truncates a longer log to this size
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS minutes (
        start_s INTEGER PRIMARY KEY,  -- seconds of the Unix epoch
        watched_s REAL NOT NULL,      -- for how long the camera was live
        face_s TEXT NOT NULL          -- JSON: for how long faces showed what, label by label
    )
"""
# The columns in PRAGMA table_xinfo: name, type, not null, default, key, hidden.
_COLUMNS = [
    ("start_s", "INTEGER", 0, None, 1, 0),
    ("watched_s", "REAL", 1, None, 0, 0),
    ("face_s", "TEXT", 1, None, 0, 0),
]

# The file comes last: without its log it must never be read as whole.
_COMPANIONS = ("-wal", "-shm", "-journal", "")
_DAMAGED = ".damaged-"
_MOST_COPIES = 3
_MOST_OPENINGS = 3

log = logging.getLogger(__name__)

Identity = tuple[tuple[int, int] | None, ...]


def open_or_create(path: Path) -> tuple[sqlite3.Connection, Identity]:
    """Return a connection for writing, and the identity of its files.

    A damaged file is set aside and a new one created. Raises sqlite3.Error or OSError when no such
    file can be created.
    """
    for _ in range(_MOST_OPENINGS):
        _make_private(path)
        before = _inode(path)
        try:
            db = _open(path)
        except sqlite3.Error as exc:
            if not is_damage(exc):
                raise
            set_aside(path, exc)
            continue
        found = identity(path)
        if found[0] == before:
            return db, found
        db.close()  # another file was put in its place meanwhile
    raise OSError(errno.EBUSY, "no file stays whole, or in its place, while it is opened")


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to an existing file; a missing one is not created."""
    # Only one thread uses a connection at a time: the output's, or that of a request.
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=1.0,  # for a lock; a report that takes longer than 1.5 s counts as a hang
        isolation_level=None,
        check_same_thread=False,
    )
    db.text_factory = lambda text: text.decode("utf-8", "replace")
    return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commit the statements in the block, or none of them."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def identity(path: Path) -> Identity:
    """Return the identity of the files at `path`: a replaced file has another one."""
    return tuple(_inode(file) for file in _open_together(path))


def delete_log_of(path: Path, before: Identity) -> None:
    """Delete the log of the earlier file at `path`, if the file was replaced.

    SQLite would read it as the log of the new file and mix both. Raises OSError.
    """
    files, now = _open_together(path), identity(path)
    if now[0] == before[0]:
        return
    for file, known, found in zip(files[1:], before[1:], now[1:], strict=True):
        if found is not None and found == known:
            file.unlink(missing_ok=True)


def set_aside(path: Path, reason: Exception) -> None:
    """Keep the damaged file under another name. Raises OSError."""
    aside = path.with_name(f"{path.name}{_DAMAGED}{time.strftime('%Y%m%d-%H%M%S')}")
    _make_private(path)
    for companion in _COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{companion}").rename(f"{aside}{companion}")
    log.warning("history: %s: %s; the file is kept as %s", path, reason_of(reason), aside.name)
    delete_copies(path, most=_MOST_COPIES)


def delete_copies(path: Path, *, most: int = _MOST_COPIES, before_s: float = 0.0) -> None:
    """Delete all but the newest damaged copies, and those last written before that time."""
    copies = sorted({_main_of(copy) for copy in _copies(path)}, reverse=True)
    for number, copy in enumerate(copies):
        try:
            if number >= most or _written_s(copy) < before_s:
                _delete(copy)
        except OSError as exc:
            log.warning("history: cannot delete %s: %s", copy, exc.strerror)


def delete_history(path: Path) -> None:
    """Delete the file, its log and the damaged copies, as far as they exist, and log it.

    A file that cannot be deleted is named in the log.
    """
    found = [file for file in (*_family(path), *_copies(path)) if os.path.lexists(file)]
    if not found:
        return
    try:
        for file in found:
            file.unlink(missing_ok=True)
    except OSError as exc:
        problem = f"{exc.strerror}; delete it by hand"
        log.warning("history: [history] keep is memory, but cannot delete %s: %s", path, problem)
    else:
        log.warning("history: [history] keep is memory: deleted %s, kept from before", path)


def _open(path: Path) -> sqlite3.Connection:
    """Return a connection for writing. Raises sqlite3.Error or OSError."""
    db = connect(path)
    try:
        _check(db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        with transaction(db):
            db.execute(_SCHEMA)
            db.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError unless the file is empty or a whole history."""
    (problem,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if problem != "ok":
        raise Damaged(" ".join(problem.split()))
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in (0, _VERSION):
        raise Damaged(f"its version is {version}, not {_VERSION}")
    found = db.execute("SELECT type FROM sqlite_master WHERE name = 'minutes' OR type = 'trigger'")
    types = [kind for (kind,) in found]
    columns = [column[1:] for column in db.execute("PRAGMA table_xinfo(minutes)")]
    if types and (types != ["table"] or columns != _COLUMNS):
        raise Damaged("its table is not the history's")


def _make_private(path: Path) -> None:
    """Create the file if it is missing; make it and its companions private. Raises OSError.

    An existing file is not opened here: closing it would release the locks that SQLite holds on it.
    """
    if not os.path.lexists(path):
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700)
            path.parent.chmod(0o700)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    for file in (*_family(path), *_copies(path)):
        with contextlib.suppress(FileNotFoundError):
            mode = file.stat().st_mode
            if file == path and not stat.S_ISREG(mode):
                raise FileExistsError(errno.EEXIST, "it is not a regular file")
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) != 0o600:
                file.chmod(0o600)


def _family(path: Path) -> list[Path]:
    return [Path(f"{path}{companion}") for companion in _COMPANIONS]


@functools.lru_cache(maxsize=4)  # asked for with each report
def _open_together(path: Path) -> tuple[Path, ...]:
    return path, Path(f"{path}-wal"), Path(f"{path}-shm")


def _copies(path: Path) -> list[Path]:
    return [file for file in _folder(path) if file.name.startswith(f"{path.name}{_DAMAGED}")]


def _folder(path: Path) -> list[Path]:
    try:
        return list(path.parent.iterdir())
    except OSError:
        return []


def _main_of(copy: Path) -> Path:
    for companion in filter(None, _COMPANIONS):
        if copy.name.endswith(companion):
            return copy.with_name(copy.name.removesuffix(companion))
    return copy


def _written_s(copy: Path) -> float:
    return max((file.stat().st_mtime for file in _family(copy) if file.exists()), default=0.0)


def _delete(path: Path) -> None:
    for file in _family(path):
        file.unlink(missing_ok=True)


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
