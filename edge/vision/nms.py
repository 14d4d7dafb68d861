"""Merges several detections of the same face, from one view or several."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edge.datatypes import BBox, Detection

# MediaPipe's min_suppression_threshold for BlazeFace.
_SAME_FACE_IOU = 0.3
# A box mostly inside one with a higher score is a part of that face, whatever its size.
_PART_OF_FACE = 0.6
# Only boxes that overlap this well are averaged: others are cut off or badly placed.
_AGREES_IOU = 0.6


def merge_detections(detections: Iterable[Detection]) -> list[Detection]:
    """Return one detection per face, the highest score first.

    Greedy non-maximum suppression in which the survivor becomes the score-weighted mean of those
    that agree with it, as BlazeFace's authors do ("blending", section 3.3): steadier boxes.
    """
    left = sorted(detections, key=lambda d: d.score, reverse=True)
    faces = []
    while left:
        best = left[0]
        faces.append(_blended([d for d in left if d.box.iou(best.box) >= _AGREES_IOU]))
        left = [d for d in left if not is_same_face(best.box, d.box)]
    return faces


def is_same_face(best: BBox, other: BBox) -> bool:
    """Whether two boxes belong to one face: they overlap well, or one lies inside the other."""
    if best.iou(other) >= _SAME_FACE_IOU:
        return True
    smaller = min(best.area, other.area)
    return smaller > 0 and best.intersection(other) / smaller >= _PART_OF_FACE


def _blended(group: list[Detection]) -> Detection:
    """Return the score-weighted mean of detections of one face, with the best one's score."""
    weights = np.array([d.score for d in group], np.float32)
    weights /= weights.sum()
    boxes = np.array([(d.box.x1, d.box.y1, d.box.x2, d.box.y2) for d in group])
    keypoints = [d.keypoints for d in group if d.keypoints is not None]
    return Detection(
        box=BBox(*map(float, weights @ boxes)),
        score=group[0].score,
        keypoints=np.tensordot(weights, np.stack(keypoints), 1).astype(np.float32)
        if len(keypoints) == len(group)
        else None,
    )
