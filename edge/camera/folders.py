"""Lists the images in a folder and the folders below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.camera.formats import HEAD_BYTES, image_format
from edge.errors import MediaError
from edge.files import opened

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
"""A file with such a suffix counts as an image unread, so that a damaged one is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The images of a folder, sorted by path, and the other files that are not hidden."""

    images: tuple[Path, ...]
    skipped: tuple[Path, ...]


def list_images(folder: Path) -> list[Path]:
    """Return the images of `list_folder`, at least one."""
    return list(list_folder(folder).images)


def list_folder(folder: Path) -> Listing:
    """Return the files in a folder and the folders below it; links to folders are not followed.

    Images are recognised by their first bytes or their suffix. Hidden files and folders are left
    out. A folder that cannot be listed is skipped. Raises MediaError when `folder` is missing,
    cannot be listed, or holds no image.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 (False for any name that cannot be one)
        raise MediaError(f"{folder}: no such folder; name a folder with images")
    images: list[Path] = []
    skipped: list[Path] = []
    for path in _files(folder, skipped):
        (images if _is_image(path) else skipped).append(path)
    if not images:
        known = ", ".join(sorted(IMAGE_SUFFIXES))
        raise MediaError(
            f"{folder}: no images in this folder; searched for {known} and in other files"
        )
    return Listing(images=tuple(sorted(images)), skipped=tuple(sorted(skipped)))


def _files(folder: Path, unlisted: list[Path]) -> Iterator[Path]:
    """Yield the files below `folder` that are not hidden; collect the unlisted folders."""
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


def _is_image(path: Path) -> bool:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return path.is_file()
    try:
        with opened(path) as descriptor:
            head = os.pread(descriptor, HEAD_BYTES, 0)
    except OSError:
        return False
    return image_format(head, path.name) is not None
