"""Draws a sheet of small images of a dataset, one row for each label."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from converter.data.faces import FaceDataset, Images
from converter.data.labels import LABELS

SIDE_PX = 48
GAP_PX = 4
NAME_PX = 96
PER_LABEL = 16
INK = (50, 44, 40)  # B, G, R


def contact_sheet_png(faces: FaceDataset, *, seed: int = 0) -> bytes:
    """Return the PNG of up to 16 images of each label, drawn at random with `seed`."""
    step = SIDE_PX + GAP_PX
    size = len(LABELS) * step + GAP_PX, NAME_PX + PER_LABEL * step
    sheet: npt.NDArray[np.uint8] = np.full((*size, 3), 255, np.uint8)
    rng = np.random.default_rng(seed)
    for row, label in enumerate(LABELS):
        top = GAP_PX + row * step
        origin = 10, top + SIDE_PX // 2 + 4
        cv2.putText(sheet, label, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
        own = rng.permutation(np.flatnonzero(faces.labels == row))[:PER_LABEL]
        for column, image in enumerate(faces.images[own]):
            _paste(sheet, image, top, NAME_PX + column * step)
    _, encoded = cv2.imencode(".png", sheet)
    return encoded.tobytes()


def _paste(sheet: npt.NDArray[np.uint8], image: Images, top: int, left: int) -> None:
    sheet[top : top + SIDE_PX, left : left + SIDE_PX] = image[..., None]
