"""The addresses of a running device's page, in a file for `emotion-edge code`.

The device locks the file while it runs, and the kernel releases the lock of a process that died. So
the addresses are read only while the device runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.files import opened

log = logging.getLogger(__name__)

_NAME = "page-addresses"
_MOST_BYTES = 10_000


@contextlib.contextmanager
def published(folder: Path, urls: Sequence[str]) -> Iterator[None]:
    """Keep `urls` in the state folder for as long as the context lasts.

    This is optional: a folder that cannot be written, or that another device uses, is left
    unchanged.
    """
    with contextlib.ExitStack() as kept:
        try:
            if not running_addresses(folder):
                _publish(folder, urls, kept)
        except OSError as exc:
            log.debug("cannot save the page's addresses in %s: %s", folder, exc)
        yield


def _publish(folder: Path, urls: Sequence[str], kept: contextlib.ExitStack) -> None:
    path = folder / _NAME
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{_NAME}.")
    kept.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, "".join(f"{url}\n" for url in urls).encode())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    kept.callback(_remove, path)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def running_addresses(folder: Path) -> tuple[str, ...]:
    """Return the addresses of the device that uses this state folder, () when none runs."""
    try:
        with opened(folder / _NAME) as descriptor:
            if _is_free(descriptor):
                return ()
            return tuple(os.read(descriptor, _MOST_BYTES).decode("utf-8", "replace").split())
    except OSError:
        return ()


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
