"""The pictures in a folder and the folders below it, and what else lies there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.camera.formats import HEAD_BYTES, picture_format
from edge.errors import MediaError
from edge.files import opened

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
"""A file so named is taken for a picture without a look into it: a damaged one must be missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """What is in a folder: its pictures, sorted by path, and all else that is not hidden."""

    pictures: tuple[Path, ...]
    skipped: tuple[Path, ...]


def list_images(folder: Path) -> list[Path]:
    """Return the pictures of `open_album`, of which there is at least one."""
    return list(open_album(folder).pictures)


def open_album(folder: Path) -> Album:
    """Return what is in a folder and the folders below it; links to folders are not followed.

    Pictures are known by their first bytes or their suffix; hidden files and folders are left
    out; a folder that cannot be listed is skipped. Raises MediaError when `folder` is not there,
    cannot be listed, or holds no picture.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 (False for any name that cannot be one)
        raise MediaError(f"{folder}: no such folder; give one that holds pictures")
    pictures: list[Path] = []
    skipped: list[Path] = []
    for path in _files(folder, skipped):
        (pictures if _is_picture(path) else skipped).append(path)
    if not pictures:
        known = ", ".join(sorted(IMAGE_SUFFIXES))
        raise MediaError(
            f"{folder}: no pictures in this folder; looked for {known} and into other files"
        )
    return Album(pictures=tuple(sorted(pictures)), skipped=tuple(sorted(skipped)))


def _files(folder: Path, unlisted: list[Path]) -> Iterator[Path]:
    """Yield the files below `folder` that are not hidden; note the folders it could not list."""
    waiting = [folder]
    while waiting:
        parent = waiting.pop()
        try:
            entries = list(os.scandir(parent))
        except OSError as exc:
            if parent is folder:
                raise MediaError(f"{folder}: cannot list the folder: {exc.strerror}") from exc
            unlisted.append(parent)
            continue
        shown = [entry for entry in entries if not entry.name.startswith(".")]
        waiting += [Path(entry) for entry in shown if entry.is_dir(follow_symlinks=False)]
        yield from (Path(entry) for entry in shown if not entry.is_dir(follow_symlinks=False))


def _is_picture(path: Path) -> bool:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return path.is_file()
    try:
        with opened(path) as descriptor:
            head = os.pread(descriptor, HEAD_BYTES, 0)
    except OSError:
        return False
    return picture_format(head, path.name) is not None
