"""Opens regular files and reads them up to a limit; anything else raises OSError.

A path comes from a command line, a setting or a folder. It may name a pipe, an endless device or a
folder, or it may be invalid.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PIPE_LIMIT_BYTES = 256_000_000
"""The most bytes from a pipe, which are held in memory."""

_CHUNK_BYTES = 1 << 20


@contextmanager
def opened(path: Path, *, pipes: bool = False) -> Iterator[int]:
    """Yield a descriptor of the regular file at `path`, at its start.

    With `pipes` a pipe is read to its end first, and the descriptor is of its content in memory.
    Raises OSError, also for a name with a NUL, a folder, a device and a pipe over the limit.
    """
    descriptor = _open(path, pipes=pipes)
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            pipe, descriptor = descriptor, os.memfd_create("pipe")
            try:
                _copy(pipe, descriptor)
            finally:
                os.close(pipe)
        yield descriptor
    finally:
        os.close(descriptor)


def expanded(text: str) -> Path:
    """Return the path `text` with a leading ~ expanded, or unchanged without a home folder.

    An invalid path is not an error here: opening it raises.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def matching(folder: Path, pattern: str) -> list[Path]:
    """Return what `folder.glob` finds; nothing where no folder can be listed.

    That is so for a process that has as many files open as it may.
    """
    try:
        return list(folder.glob(pattern))
    except OSError:
        return []


def lines_of(path: Path) -> list[str]:
    """Return the lines of a small file of the system's, none where it cannot be read."""
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


def read_file(path: Path, *, limit_bytes: int) -> bytes:
    """Return the content of a regular file. Raises OSError, also when it is too large."""
    with opened(path) as descriptor:
        return content(descriptor, limit_bytes=limit_bytes)


def content(descriptor: int, *, limit_bytes: int) -> bytes:
    """Return the whole content of an open regular file. Raises OSError when it is too large."""
    size = os.fstat(descriptor).st_size
    if size > limit_bytes:
        limit = f"{limit_bytes // 1_000_000} MB" if limit_bytes >= 1_000_000 else limit_bytes
        raise OSError(errno.EFBIG, f"{size} bytes, too large: at most {limit} are read")
    os.lseek(descriptor, 0, os.SEEK_SET)
    chunks = []
    while size > 0 and (chunk := os.read(descriptor, size)):
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def _open(path: Path, *, pipes: bool) -> int:
    try:
        kind = os.stat(path).st_mode  # noqa: PTH116 (Path.stat is the same, and longer)
    except ValueError as exc:
        raise OSError(errno.EINVAL, "a name with a NUL in it") from exc
    # Check before opening, which waits for the writer of a pipe and starts some devices.
    if stat.S_ISDIR(kind):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(kind) and not (pipes and stat.S_ISFIFO(kind)):
        raise OSError(errno.EINVAL, "not a file but a device or a pipe")
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _copy(pipe: int, target: int) -> None:
    copied = 0
    while chunk := os.read(pipe, _CHUNK_BYTES):
        copied += len(chunk)
        if copied > PIPE_LIMIT_BYTES:
            limit_mb = PIPE_LIMIT_BYTES // 1_000_000
            raise OSError(
                errno.EFBIG, f"over {limit_mb} MB from a pipe; save it as a file and name that file"
            )
        view = memoryview(chunk)
        while view:
            view = view[os.write(target, view) :]
