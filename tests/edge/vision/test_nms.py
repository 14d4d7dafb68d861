import numpy as np
import pytest

from edge.datatypes import BBox, Detection
from edge.vision.nms import is_same_face, merge_detections


def crowd(rng: np.random.Generator, *, keypoints: bool = True) -> list[Detection]:
    found = []
    for _ in range(rng.integers(1, 5)):
        place, side = rng.uniform(0, 400, 2), rng.uniform(20, 200)
        for _ in range(rng.integers(1, 9)):
            x, y = place + rng.normal(0, side * 0.12, 2)
            width = side * rng.uniform(0.5, 1.4)
            points = rng.normal(0, 9, (6, 2)).astype(np.float32) if keypoints else None
            box = BBox(float(x), float(y), float(x + width), float(y + width))
            found.append(Detection(box=box, score=float(rng.uniform(0.4, 1)), keypoints=points))
    return found


def merged_one_by_one(detections: list[Detection]) -> list[tuple[list[float], float]]:
    """The definition: greedy, in order of the score, each the mean of those that agree with it."""
    left = sorted(detections, key=lambda d: d.score, reverse=True)
    faces = []
    while left:
        best = left[0]
        group = [d for d in left if d is best or d.box.iou(best.box) >= 0.6]
        weights = np.array([d.score for d in group])
        corners = np.array([(d.box.x1, d.box.y1, d.box.x2, d.box.y2) for d in group])
        faces.append((list(weights @ corners / weights.sum()), best.score))
        left = [d for d in left if d is not best and not is_same_face(best.box, d.box)]
    return faces


@pytest.mark.parametrize("seed", range(20))
def test_merging_is_the_greedy_weighted_mean(seed: int) -> None:
    detections = crowd(np.random.default_rng(seed))
    faces = merge_detections(detections)
    expected = merged_one_by_one(detections)
    assert [face.score for face in faces] == [score for _, score in expected]
    for face, (corners, _) in zip(faces, expected, strict=True):
        box = face.box
        np.testing.assert_allclose([box.x1, box.y1, box.x2, box.y2], corners, atol=1e-3)
        assert face.keypoints is not None
        assert (face.keypoints.shape, face.keypoints.dtype) == ((6, 2), np.float32)


def test_without_keypoints_there_are_none() -> None:
    faces = merge_detections(crowd(np.random.default_rng(1), keypoints=False))
    assert faces
    assert all(face.keypoints is None for face in faces)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_none_one_and_empty_boxes_are_merged(count: int) -> None:
    empty = [Detection(box=BBox(5, 5, 5, 5), score=0.5 + i / 10) for i in range(count)]
    assert len(merge_detections(empty)) == count


def test_detections_of_one_face_become_their_weighted_mean() -> None:
    def face(x: float, score: float) -> Detection:
        points = np.full((6, 2), x, np.float32)
        return Detection(box=BBox(x, 0, x + 100, 100), score=score, keypoints=points)

    merged = merge_detections([face(0, 0.6), face(10, 0.9), face(300, 0.5)])

    assert [round(d.score, 2) for d in merged] == [0.9, 0.5]
    assert merged[0].box.x1 == pytest.approx(6.0)
    assert merged[0].keypoints is not None
    assert merged[0].keypoints[0, 0] == pytest.approx(6.0)


def test_a_part_of_a_face_is_no_face_of_its_own() -> None:
    whole = Detection(box=BBox(0, 0, 100, 100), score=0.9)
    mouth = Detection(box=BBox(30, 60, 70, 100), score=0.8)
    assert len(merge_detections([mouth, whole])) == 1
