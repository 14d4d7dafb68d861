"""The standard streams of a process, made fit for what a shell can do to them.

`>&-` closes a descriptor: the next file opened would get its number, and what a native library
prints would end up in that file. Python then has no sys.stdout or sys.stderr at all. `>/dev/full`
and a pipe whose reader has left fail when they are written, or only when Python exits.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import Any, TextIO

from edge.errors import OutputError

_DESCRIPTORS = (0, 1, 2)


def repair_streams() -> None:
    """Open what is closed of stdin, stdout and stderr, and have stdout raise OutputError.

    A closed stdout stays one that cannot be written; a closed stderr swallows what it is given.
    Call it before anything else opens a file.
    """
    for descriptor in _DESCRIPTORS:
        _fill(descriptor)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    sys.stdout = _checked(sys.stdout)


def flush_stdout() -> None:
    """Write what stdout still holds. Raises OutputError or BrokenPipeError, once."""
    try:
        sys.stdout.flush()
    except OSError:
        discard_stdout()
        raise


def discard_stdout() -> None:
    """Send what stdout still holds, and all that follows, nowhere: Python flushes it at exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _fill(descriptor: int) -> None:
    """Open /dev/null under this number if it is free: for reading only, except for stderr."""
    try:
        os.fstat(descriptor)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY if descriptor == 2 else os.O_RDONLY)
        if nowhere != descriptor:
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def _checked(stdout: TextIO | None) -> TextIO:
    """Return a stream like `stdout`, on the same descriptor, whose failures are OutputErrors."""
    if stdout is None:
        return io.TextIOWrapper(io.BufferedWriter(_Stdout()), "utf-8")
    if not isinstance(stdout, io.TextIOWrapper):
        return stdout  # somebody captures it
    with contextlib.suppress(OSError):
        stdout.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Stdout()),
        stdout.encoding,
        stdout.errors,
        line_buffering=stdout.line_buffering,
        write_through=stdout.write_through,
    )


class _Stdout(io.FileIO):
    """Descriptor 1, for writing. A reader that left stays a BrokenPipeError."""

    name: str

    def __init__(self) -> None:
        super().__init__(1, "w", closefd=False)
        self.name = "<stdout>"

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as exc:
            reason = "it is closed" if exc.errno == errno.EBADF else exc.strerror
            raise OutputError(
                f"standard output: cannot write: {reason}; send it elsewhere with `> FILE`"
            ) from exc
