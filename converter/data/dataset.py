"""Reads a dataset in any known layout: fer2013.csv, folders of images, or one .npz."""

from __future__ import annotations

import sys
from pathlib import Path

from converter.data.builder import Reading
from converter.data.faces import FaceDataset, Images, Split
from converter.data.fer_csv import read_csv
from converter.data.ferplus import read_votes
from converter.data.folders import read_folders
from converter.data.label_map import LabelMap
from converter.data.labels import LABELS
from converter.data.npz import read_npz
from converter.errors import DataError
from converter.progress import stage

__all__ = ["LABELS", "FaceDataset", "Images", "Reading", "Split", "load_dataset", "read_dataset"]


def load_dataset(
    path: Path, votes: Path | None = None, own_names: LabelMap | None = None
) -> FaceDataset:
    """Return the samples of `read_dataset`; print its remarks on standard error."""
    reading = read_dataset(path, votes, own_names)
    for remark in reading.remarks():
        sys.stderr.write(f"{path}: {remark}\n")
    return reading.faces


def read_dataset(
    path: Path, votes: Path | None = None, own_names: LabelMap | None = None
) -> Reading:
    """Return the samples at `path` and a record of the others.

    A folder is read as a tree of labels, a .csv as Kaggle's FER2013, anything else as an .npz.
    `votes` is FER+'s fer2013new.csv, `own_names` labels by the names that the dataset has for
    them. Raises DataError when something is missing, damaged, or has another layout.
    """
    kind = path.suffix.lower()
    if path.is_dir():
        return read_folders(path, read_votes(votes) if votes else None, own_names)
    if kind == ".csv":
        with stage("Reading samples"):
            return read_csv(path, read_votes(votes) if votes else None, own_names)
    if votes:
        raise DataError(f"{path}: an .npz has its own votes; {votes} belongs to fer2013.csv")
    if own_names:
        raise DataError(f"{path}: --label-map is for folders and .csv, an .npz has numbers 0 to 6")
    with stage("Reading samples"):
        return Reading(faces=read_npz(path))
