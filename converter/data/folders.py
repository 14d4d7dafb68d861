"""Datasets as folders of images: FER2013's copies, CK+, MMA and your own.

Either `train|val|test/<emotion>/...` or `<emotion>/...`; folders of other names in between or
below are followed, files that are no images and hidden ones are passed over.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from converter.data.builder import NO_VOTES, SPLITS, DatasetBuilder, Parsed, Reading
from converter.data.faces import FaceDataset, Split
from converter.data.ferplus import Votes
from converter.data.image import image_of_file
from converter.data.labels import DROPPED, KNOWN, LABELS, label_of
from converter.errors import DataError
from converter.progress import progress

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}
HELD_OUT_ONE_IN = 10
"""Of the images of each label, where the folders hold none out."""

SEED = 0


def read_folders(path: Path, votes: Votes | None = None) -> Reading:
    """Return the images below `path`, with FER+'s `votes` by file name.

    Raises DataError when a folder's name is no label, more than 1% of the images cannot be read,
    or no image is among `votes`.
    """
    gathered = DatasetBuilder()
    images = list(_images(path))
    named = votes.by_name() if votes else {}
    for image, label, split in progress(images, "Reading", total=len(images)):
        own = named.get(image.name, NO_VOTES)
        gathered.take(str(image), partial(_parsed, image, label, split), own)
    reading = gathered.reading(path)
    if votes and (reading.faces.votes < 0).all():
        raise DataError(f"{path}: none of its images has a name in the votes")
    return _with_splits(reading, {split for _, _, split in images})


def _images(path: Path) -> list[tuple[Path, str, Split | None]]:
    """Return every image with its label and split, None in a tree without splits."""
    try:
        children = _folders(path)
    except OSError as exc:
        raise DataError(f"{path}: cannot read the images: {exc.strerror}") from exc
    splits = {child: SPLITS[child.name.lower()] for child in children if _is_split(child)}
    if not splits:
        return _labelled(path, children, None)
    return [
        image
        for child, split in splits.items()
        for image in _labelled(child, _folders(child), split)
    ]


def _folders(path: Path) -> list[Path]:
    children = sorted(path.iterdir())
    return [child for child in children if child.is_dir() and not _is_hidden(child, path)]


def _is_hidden(path: Path, root: Path) -> bool:
    """Return whether an editor or a Mac left it below `root`: .ipynb_checkpoints, ._1.png."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _is_split(folder: Path) -> bool:
    return folder.name.lower() in SPLITS


def _labelled(
    path: Path, folders: list[Path], split: Split | None
) -> list[tuple[Path, str, Split | None]]:
    if not folders:
        raise DataError(f"{path}: it holds no folder named after an emotion")
    found = []
    for folder in folders:
        label = label_of(folder.name)
        if label is None:
            raise DataError(f"{folder}: {folder.name!r} is not a known emotion ({KNOWN})")
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
    faces = reading.faces
    if None in splits:
        faces = _held_out(faces, Split.PRIVATE)
        faces = _held_out(faces, Split.PUBLIC)
        note = "no split among the folders: a tenth each was drawn for PublicTest and PrivateTest"
    elif Split.PUBLIC not in splits:
        faces = _held_out(faces, Split.PUBLIC)
        note = "no folder of validation images: a tenth of the training ones became PublicTest"
    else:
        return reading
    return Reading(faces=faces, bad=reading.bad, contempt=reading.contempt, notes=(note,))


def _held_out(faces: FaceDataset, split: Split) -> FaceDataset:
    """Return `faces` with one training image in ten of each label moved to `split`."""
    rng = np.random.default_rng((SEED, split))
    moved = faces.split.copy()
    for label in range(len(LABELS)):
        own = rng.permutation(
            np.flatnonzero((faces.labels == label) & (faces.split == Split.TRAINING))
        )
        moved[own[: round(len(own) / HELD_OUT_ONE_IN)]] = split
    return FaceDataset(images=faces.images, labels=faces.labels, split=moved, votes=faces.votes)
