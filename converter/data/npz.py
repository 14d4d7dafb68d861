"""FER2013 as one `.npz` file."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.data.faces import FaceDataset, Split
from converter.data.labels import LABELS
from converter.errors import DataError


def read_npz(path: Path) -> FaceDataset:
    """Return the samples of the `.npz` at `path`: arrays images, labels, split and ferplus.

    Raises DataError when the file is missing, damaged or has another layout.
    """
    arrays = _read_arrays(path)
    count = len(arrays["labels"])
    shapes = {"images": (count, 48, 48), "labels": (count,), "split": (count,)}
    shapes["ferplus"] = (count, 10)
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise DataError(f"{path}: {name} is {arrays[name].shape}, expected {shape}")
    for name, limit in {"labels": len(LABELS), "split": len(Split)}.items():
        if count and arrays[name].max() >= limit:
            raise DataError(f"{path}: {name} holds {arrays[name].max()}, expected 0..{limit - 1}")
    return FaceDataset(
        images=arrays["images"],
        labels=arrays["labels"],
        split=arrays["split"],
        votes=arrays["ferplus"],
    )


def _read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    kinds = {"images": np.uint8, "labels": np.uint8, "split": np.uint8, "ferplus": np.int8}
    try:
        with path.open("rb") as file, np.load(file) as data:
            arrays = {name: data[name] for name in kinds.keys() & data.keys()}
    except OSError as exc:
        reason = exc.strerror or "not a whole .npz file"
        raise DataError(f"{path}: cannot read the samples: {reason}") from exc
    except (ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as exc:
        raise DataError(f"{path}: not a whole .npz file") from exc
    if missing := kinds.keys() - arrays.keys():
        raise DataError(f"{path}: lacks the array {min(missing)!r}")
    for name, kind in kinds.items():
        if arrays[name].dtype != kind:
            raise DataError(f"{path}: {name} is {arrays[name].dtype}, expected {np.dtype(kind)}")
    return arrays
