"""The meaning of an error of the history's file: damage, or a cause with a remedy."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from edge.errors import OutputError

_FREE_THE_DISK = "free some space on that disk"
_MAY_NOT = "this user may not write there: change the owner, or set [state] folder"
_FIND_THE_FOLDER = "check that the folder is there and this user may write in it"
_ADVICE = {
    sqlite3.SQLITE_FULL: _FREE_THE_DISK,
    sqlite3.SQLITE_READONLY: "the file or its disk is read-only: make it writable",
    sqlite3.SQLITE_CANTOPEN: _FIND_THE_FOLDER,
    sqlite3.SQLITE_PERM: _MAY_NOT,
    sqlite3.SQLITE_AUTH: _MAY_NOT,
    sqlite3.SQLITE_BUSY: "another program has locked it: close that program",
    sqlite3.SQLITE_LOCKED: "another program has locked it: close that program",
    sqlite3.SQLITE_IOERR: "the disk does not work: check the system's log, and replace the disk",
    sqlite3.SQLITE_NOMEM: "the memory is full: stop other programs",
}
_ADVICE_BY_ERRNO = {
    errno.ENOSPC: _FREE_THE_DISK,
    errno.EDQUOT: _FREE_THE_DISK,
    errno.EROFS: _ADVICE[sqlite3.SQLITE_READONLY],
    errno.EACCES: _MAY_NOT,
    errno.EPERM: _MAY_NOT,
    errno.ENOENT: _FIND_THE_FOLDER,
    errno.ENOTDIR: _FIND_THE_FOLDER,
    errno.EEXIST: "move it away",
    errno.EIO: _ADVICE[sqlite3.SQLITE_IOERR],
}
# Errors whose cause SQLite does not state.
_VAGUE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM}
_OTHERWISE = "set [state] folder to another folder"
# Errors that the file itself causes.
_OF_THE_FILE = {
    *(sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_FORMAT),
    *(sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_NOTADB),
}


class Damaged(sqlite3.DatabaseError):
    """The file is not a whole history."""


def is_damage(exc: Exception) -> bool:
    """Whether the file itself is the cause, which free disk space would not repair."""
    code = getattr(exc, "sqlite_errorcode", None)
    return isinstance(exc, Damaged) or (code is not None and code & 0xFF in _OF_THE_FILE)


def failure(path: Path, exc: Exception) -> OutputError:
    """Return the error to raise for `exc`, with a remedy."""
    return OutputError(f"history: {path}: {reason_of(exc)}; {_advice(path, exc)}")


def reason_of(exc: Exception) -> str:
    """Return the cause, without the path."""
    return (isinstance(exc, OSError) and exc.strerror) or str(exc)


def _advice(path: Path, exc: Exception) -> str:
    if isinstance(exc, OSError):
        return _ADVICE_BY_ERRNO.get(exc.errno or 0, _OTHERWISE)
    code = getattr(exc, "sqlite_errorcode", None)
    if is_damage(exc):
        return "a new file is created"
    if code is None:
        return _OTHERWISE
    found = _found_on(path.parent) if code & 0xFF in _VAGUE else None
    return found or _ADVICE.get(code & 0xFF, _OTHERWISE)


def _found_on(folder: Path) -> str | None:
    """Return the remedy for the folder or its disk, None without a visible fault."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return _FIND_THE_FOLDER
    if disk.f_flag & os.ST_RDONLY:
        return _ADVICE[sqlite3.SQLITE_READONLY]
    if disk.f_bavail == 0:
        return _FREE_THE_DISK
    return None if os.access(folder, os.W_OK) else _MAY_NOT
