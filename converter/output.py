"""Writes results: whole files only, and over existing files only with --force."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from converter.errors import OutputError, UsageError


def check_writable(paths: tuple[Path, ...], *, force: bool) -> None:
    """Refuse output files that cannot be written, before any work is done.

    Raises UsageError when a file exists and `force` is false, OutputError when a folder does
    not take files.
    """
    for path in paths:
        if path.exists() and not force:
            raise UsageError(f"{path} exists; pass --force to replace it")
        probe = _temporary(path)
        try:
            probe.touch()
            probe.unlink()
        except OSError as exc:
            raise _cannot_write(path, exc) from exc


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write several files, each whole or not at all, replacing them in the order given.

    Everything is on the disk before the first is replaced. Raises OutputError.
    """
    temporaries = {path: _temporary(path) for path in contents}
    try:
        for path, content in contents.items():
            with temporaries[path].open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path, temporary in temporaries.items():
            temporary.replace(path)
    except OSError as exc:
        raise _cannot_write(path, exc) from exc
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)


def sweep(paths: tuple[Path, ...]) -> None:
    """Remove temporary files of a process that was killed while it wrote these files."""
    for path in paths:
        for temporary in path.parent.glob(f".{path.name}.*.tmp"):
            temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _cannot_write(path: Path, exc: OSError) -> OutputError:
    return OutputError(f"{path}: cannot write: {exc.strerror}")
