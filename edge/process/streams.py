"""Repairs the standard streams, which a shell may have closed or redirected.

`>&-` closes a descriptor. The next opened file would get its number, and a native library would
print into that file. Python then has no sys.stdout or sys.stderr. `>/dev/full` and a pipe without a
reader fail when they are written, or only when Python exits.
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
    """Open closed ones of stdin, stdout and stderr; make stdout raise OutputError.

    Writing to a closed stdout still fails. A closed stderr discards its output. Call this before
    any file is opened.
    """
    for descriptor in _DESCRIPTORS:
        _fill(descriptor)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    sys.stdout = _checked(sys.stdout)


def flush_stdout() -> None:
    """Write the buffered output. Raises OutputError or BrokenPipeError, once."""
    try:
        sys.stdout.flush()
    except OSError:
        discard_stdout()
        raise


def discard_stdout() -> None:
    """Discard the buffered and all later output, which Python would flush at exit."""
    _discard(sys.stdout)


def flush_stderr() -> None:
    """Write the buffered messages, or discard them where they cannot be written.

    From Python 3.13 on, a stderr that cannot be flushed at exit changes the exit code to 120.
    """
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _fill(descriptor: int) -> None:
    """Open /dev/null as this descriptor if it is free: for reading only, except for stderr."""
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
        return stdout  # it is captured
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
    """Descriptor 1, for writing. A missing reader still raises BrokenPipeError."""

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
                f"standard output: cannot write: {reason}; redirect it with `> FILE`"
            ) from exc
