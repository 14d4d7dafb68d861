"""Which files `analyze` reads: those that are named, and the images of each folder."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.camera.folders import list_folder
from edge.camera.media import open_media, video_frame_count
from edge.errors import MediaError, printable

_SKIPPED_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file to analyze.

    `frames` is its number of frames, None when that is unknown. `name` is its path below the folder
    that was named, or the file's own name: what files made from it are named after.
    """

    path: Path
    frames: int | None
    name: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The files to analyze, the errors of paths without any, and the skipped files."""

    jobs: tuple[Job, ...]
    errors: tuple[MediaError, ...]
    skipped: tuple[str, ...]
    """One line for each folder that holds other files than images."""

    def readings(self, every: int = 1) -> int | None:
        """Return the number of all frames to read, every `every`-th; None when it is unknown."""
        known = [job.frames for job in self.jobs if job.frames is not None]
        if len(known) < len(self.jobs):
            return None
        return sum(math.ceil(frames / every) for frames in known)


def plan(paths: Sequence[str]) -> Plan:
    """Return the files that `paths` name, with the images of each folder. "" names no file."""
    jobs: list[Job] = []
    errors: list[MediaError] = []
    skipped: list[str] = []
    for name in paths:
        path = Path(name)
        try:
            if _is_missing(name):
                errors.append(MediaError(f"{name or repr(name)}: no such file or folder"))
            elif os.path.isdir(path):  # noqa: PTH112 (False for any name that cannot be one)
                listing = list_folder(path)
                jobs += [
                    Job(path=image, frames=1, name=image.relative_to(path))
                    for image in listing.images
                ]
                skipped += [_skipped(path, listing.skipped)] if listing.skipped else []
            else:
                jobs.append(Job(path=path, frames=_frames(path), name=Path(path.name)))
        except MediaError as exc:
            errors.append(exc)
    return Plan(jobs=tuple(jobs), errors=tuple(errors), skipped=tuple(skipped))


def _is_missing(name: str) -> bool:
    """Whether there is nothing of this name; not where that cannot be known."""
    try:
        os.lstat(name)
    except OSError as exc:  # others are reported when it is opened
        return exc.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
    return False


def _frames(path: Path) -> int | None:
    """Return the number of frames that a file states; a pipe, readable only once, states none."""
    try:
        with open_media(path) as media:
            is_still = media.is_still
        return 1 if is_still else video_frame_count(path)
    except MediaError:
        return None  # reported when the file is analyzed


def _skipped(folder: Path, paths: Sequence[Path]) -> str:
    """Return for example "skipped 2 files in photos: notes.txt, clip.mp4"."""
    names = [str(path.relative_to(folder)) for path in paths[:_SKIPPED_NAMED]]
    more = ["..."] if len(paths) > _SKIPPED_NAMED else []
    files = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    return printable(f"skipped {files} in {folder}: {', '.join([*names, *more])}")
