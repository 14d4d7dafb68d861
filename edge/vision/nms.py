"""Merges several detections of the same face, from one view or several."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from edge.datatypes import BBox, Detection, FloatArray

_Numbers = npt.NDArray[np.float64]

# MediaPipe's min_suppression_threshold for BlazeFace.
SAME_FACE_IOU = 0.3
# A box mostly inside one with a higher score is a part of that face, whatever its size.
_PART_OF_FACE = 0.6
# Only boxes that overlap this well are averaged: others are cut off or badly placed.
_AGREES_IOU = 0.6
_LEAST_AREA = 1e-12  # square pixels; of an empty box, in place of a division by 0


def merge_detections(detections: Iterable[Detection]) -> list[Detection]:
    """Return one detection per face, the highest score first.

    Greedy non-maximum suppression in which the survivor becomes the score-weighted mean of those
    that agree with it, as BlazeFace's authors do ("blending", section 3.3): steadier boxes.
    """
    found = sorted(detections, key=lambda d: d.score, reverse=True)
    if len(found) < 2:
        return found
    boxes = np.array([(d.box.x1, d.box.y1, d.box.x2, d.box.y2) for d in found])
    areas = (boxes[:, 2:] - boxes[:, :2]).clip(0.0).prod(axis=1)
    scores = np.array([d.score for d in found], np.float32)
    points = _stacked(found)
    faces, left = [], np.arange(len(found))
    while left.size:
        best, others = left[0], left[1:]
        iou, inside = _overlaps(boxes[best], areas[best], boxes[others], areas[others])
        group = np.append(others[iou >= _AGREES_IOU], best)
        if len(group) == 1:
            faces.append(found[best])
        else:
            weights = scores[group] / scores[group].sum()
            faces.append(
                Detection(
                    box=BBox(*map(float, weights @ boxes[group])),
                    score=found[best].score,
                    keypoints=None if points is None else (weights @ points[group]).reshape(-1, 2),
                )
            )
        left = others[(iou < SAME_FACE_IOU) & (inside < _PART_OF_FACE)]
    return faces


def is_same_face(best: BBox, other: BBox) -> bool:
    """Whether two boxes belong to one face: they overlap well, or one lies inside the other."""
    if not best.intersection(other):
        return False  # nearly all pairs of a frame, and cheap to say
    return best.iou(other) >= SAME_FACE_IOU or best.overlap(other) >= _PART_OF_FACE


def _overlaps(
    box: _Numbers, area: float, others: _Numbers, areas: _Numbers
) -> tuple[_Numbers, _Numbers]:
    """Return (N,) IoU of `box` (4,) with `others` (N, 4), and how much of the smaller is shared.

    Both are shares, 0 for an empty box.
    """
    sides = np.minimum(others[:, 2:], box[2:]) - np.maximum(others[:, :2], box[:2])
    shared = sides.clip(0.0).prod(axis=1)
    iou = shared / np.maximum(areas + area - shared, _LEAST_AREA)
    return iou, shared / np.maximum(np.minimum(areas, area), _LEAST_AREA)


def _stacked(found: list[Detection]) -> FloatArray | None:
    """Return the keypoints as float32 (N, 12), None when a detection has none."""
    points = [d.keypoints for d in found if d.keypoints is not None]
    if len(points) < len(found):
        return None
    return np.asarray(np.stack(points).reshape(len(found), -1), np.float32)
