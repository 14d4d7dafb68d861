"""Datasets as folders of images: FER2013's copies, CK+, MMA and your own.

Either `train|val|test/<emotion>/...` or `<emotion>/...`, also inside of folders that hold nothing
else, as archives unpack to. Folders below an emotion's are followed; files that are no images,
hidden ones and what a Mac adds to archives are passed over.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from converter.data.builder import NO_VOTES, SPLITS, DatasetBuilder, Parsed, Reading
from converter.data.faces import Split
from converter.data.ferplus import Votes
from converter.data.held_out import with_splits
from converter.data.image import image_of_file
from converter.data.label_map import LabelMap, NameReader
from converter.data.labels import DROPPED
from converter.errors import DataError
from converter.progress import progress

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}
OF_ARCHIVES = "__macosx"
"""The folder of a Mac's own files in the archives that it makes, in lower case."""


def read_folders(
    path: Path, votes: Votes | None = None, own_names: LabelMap | None = None
) -> Reading:
    """Return the images below `path`, with FER+'s `votes` by file name.

    `own_names` are labels by names of folders. Raises DataError when a folder's name is no label,
    more than 1% of the images cannot be read, no image is among `votes`, or no folder has one of
    `own_names`.
    """
    gathered, names = DatasetBuilder(), NameReader(own_names)
    images = _images(path, names)
    names.check_used(path)
    named = votes.by_name() if votes else {}
    for image, label, split in progress(images, "Reading", total=len(images)):
        own = named.get(image.name, NO_VOTES)
        gathered.take(str(image), partial(_parsed, image, label, split), own)
    reading = gathered.reading(path, names.note())
    if votes and (reading.faces.votes < 0).all():
        raise DataError(f"{path}: none of its images has a name in the votes")
    return _with_splits(reading, {split for _, _, split in images})


def _images(path: Path, names: NameReader) -> list[tuple[Path, str, Split | None]]:
    """Return every image with its label and split, None in a tree without splits."""
    try:
        path, children = _unwrapped(path, names)
    except OSError as exc:
        raise DataError(f"{path}: cannot read the images: {exc.strerror}") from exc
    splits = {child: SPLITS[child.name.lower()] for child in children if _is_split(child)}
    if not splits:
        return _labelled(path, children, None, names)
    return [
        image
        for child, split in splits.items()
        for image in _labelled(child, _folders(child), split, names)
    ]


def _unwrapped(path: Path, names: NameReader) -> tuple[Path, list[Path]]:
    """Return the folder that holds the splits or labels, and its folders."""
    children = _folders(path)
    while len(children) == 1 and not _is_split(children[0]) and not names(children[0].name):
        inner = _folders(children[0])
        if not inner:
            break
        path, children = children[0], inner
    return path, children


def _folders(path: Path) -> list[Path]:
    children = sorted(path.iterdir())
    return [child for child in children if child.is_dir() and not _is_hidden(child, path)]


def _is_hidden(path: Path, root: Path) -> bool:
    """Return whether an editor or a Mac left it below `root`: .ipynb_checkpoints, ._1.png."""
    return any(
        part.startswith(".") or part.lower() == OF_ARCHIVES for part in path.relative_to(root).parts
    )


def _is_split(folder: Path) -> bool:
    return folder.name.lower() in SPLITS


def _labelled(
    path: Path, folders: list[Path], split: Split | None, names: NameReader
) -> list[tuple[Path, str, Split | None]]:
    if not folders:
        raise DataError(f"{path}: it holds no folder named after an emotion")
    found = []
    for folder in folders:
        label = names(folder.name)
        if label is None:
            raise DataError(f"{folder}: {folder.name!r} is not a known emotion ({names.expected})")
        found += [(file, label, split) for file in _files(folder)]
    return found


def _files(folder: Path) -> list[Path]:
    """Return the images below `folder`."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in SUFFIXES and not _is_hidden(file, folder)
    ]


def _parsed(image: Path, label: str, split: Split | None) -> Parsed:
    if label == DROPPED:
        return label, Split.TRAINING, np.zeros((0, 0), np.uint8)
    return label, Split.TRAINING if split is None else split, image_of_file(image)


def _with_splits(reading: Reading, splits: set[Split | None]) -> Reading:
    """Hold images out where the folders hold none out."""
    if None in splits:
        return with_splits(reading, "no split among the folders", Split.PRIVATE, Split.PUBLIC)
    if Split.PUBLIC not in splits:
        return with_splits(reading, "no folder of validation images", Split.PUBLIC)
    return reading
