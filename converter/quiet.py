"""Silences other libraries: their progress bars, log lines and deprecation warnings."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard warnings, log lines and standard error, of native libraries too; errors still raise.

    The program's own progress stays visible: `converter.progress` writes to a copy of standard
    error.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            native_stderr_muted(),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def native_stderr_muted() -> Iterator[None]:
    """Send file descriptor 2 to /dev/null: TensorFlow's libraries log there directly."""
    with contextlib.suppress(OSError, ValueError):  # it may be full, or closed
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # the process was started without it
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
