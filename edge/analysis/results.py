"""Files that are made from what was read: whole or not there at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2

from edge.analysis.plan import Job
from edge.datatypes import BgrImage
from edge.errors import EdgeError, OutputError, UsageError


@contextmanager
def made(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` at the end; nothing is left of a failure.

    Raises OutputError when the file cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except EdgeError:
        raise
    except OSError as exc:
        raise OutputError(f"{path}: cannot write the file: {exc.strerror}") from exc
    finally:
        if part.exists():
            part.unlink()


def write_image(path: Path, bgr: BgrImage) -> None:
    """Write a JPEG or, where the name ends with .png, a PNG. Raises OutputError."""
    kind = ".png" if path.suffix.lower() == ".png" else ".jpg"
    encoded = cv2.imencode(kind, bgr, [cv2.IMWRITE_JPEG_QUALITY, 92] if kind == ".jpg" else [])[1]
    with made(path) as part:
        part.write_bytes(encoded.tobytes())


def require_distinct_names(jobs: Sequence[Job], folder: Path) -> None:
    """Raise UsageError when two files would have results of the same name in `folder`."""
    seen: dict[Path, Path] = {}
    for job in jobs:
        if other := seen.get(job.name):
            raise UsageError(
                f"{other} and {job.path} have the same name: both would be written to "
                f"{folder / job.name}; read them one at a time, to folders of their own"
            )
        seen[job.name] = job.path
