import cv2
import numpy as np
import pytest

from edge.datatypes import BBox
from edge.vision.align import face_transform
from edge.vision.geometry import shrink, two_point_transform, warp, warp_symmetric
from edge.vision.manifest import FaceCrop

CROP = FaceCrop(left_eye=(0.3, 0.4), right_eye=(0.7, 0.4), box_side=0.8, box_shift_y=-0.1)


def test_two_points_land_on_their_targets_without_shear() -> None:
    source, target = [(10.0, 20.0), (40.0, 60.0)], [(5.0, 5.0), (30.0, 5.0)]
    transform = two_point_transform(source, target)

    landed = np.array(source) @ transform[:, :2].T + transform[:, 2]

    assert landed == pytest.approx(np.array(target))
    a, b = transform[:, 0], transform[:, 1]
    assert a @ b == pytest.approx(0.0)
    assert a @ a == pytest.approx(b @ b)


def test_one_point_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="distinct"):
        two_point_transform([(1, 1), (1, 1)], [(0, 0), (1, 0)])


def test_warp_of_a_whole_picture_is_the_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    assert np.array_equal(warp(image, np.eye(2, 3), 48), image)


def test_warp_averages_when_it_shrinks() -> None:
    stripes = np.zeros((96, 96), np.uint8)
    stripes[:, ::2] = 255
    half = two_point_transform([(-0.5, -0.5), (95.5, -0.5)], [(-0.5, -0.5), (47.5, -0.5)])

    small = warp(stripes, half, 48)

    # Sampled without averaging, the stripes would come out as black, white or a beat.
    assert small[:, 1:-1] == pytest.approx(127.5, abs=2)


@pytest.mark.parametrize("scale", [0.51, 0.4, 0.24, 0.11])
def test_a_warp_that_shrinks_is_the_mean_of_what_each_pixel_shows(scale: float) -> None:
    rng = np.random.default_rng(1)
    cells = (round(479 * scale / 4), round(641 * scale / 4), 3)
    image = cv2.resize(rng.uniform(0, 255, cells).astype(np.float32), (641, 479))
    image = np.asarray(image.clip(0, 255), np.uint8)
    turned = [(300.3, 250.7), (300.3 + 24 / scale * 0.98, 250.7 + 24 / scale * 0.2)]
    transform = two_point_transform(turned, [(24.0, 24.0), (48.0, 24.0)])

    crop = warp(image, transform, 48).astype(float)

    # Each pixel of the crop out of 12x12 samples.
    finer = transform * 12
    finer[:, 2] += 5.5
    samples = cv2.warpAffine(image, finer, (576, 576), borderMode=cv2.BORDER_REPLICATE)
    means = samples.reshape(48, 12, 48, 12, 3).mean(axis=(1, 3))
    assert np.abs(crop - means).mean() < 1
    assert np.abs(crop - means).max() < 6


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (3, 2), (1, 1)])
def test_the_smallest_images_are_warped(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 90, np.uint8)
    for shift in (0.0, 500.0):
        assert (warp(image, np.array([[0.1, 0, shift], [0, 0.1, 20]]), 48) == 90).all()


@pytest.mark.parametrize("cut", [np.s_[20:], np.s_[:-20]], ids=["left", "right"])
def test_a_symmetric_object_that_the_edge_cuts_is_whole(cut: slice) -> None:
    half = np.random.default_rng(0).integers(0, 256, (48, 24, 3), np.uint8)
    whole = np.hstack([half, half[:, ::-1]])
    transform = np.array([[1.0, 0, cut.start or 0], [0, 1, 0]])
    crop = warp_symmetric(np.ascontiguousarray(whole[:, cut]), transform, 48)
    assert np.array_equal(crop, whole)


def test_what_is_outside_on_both_sides_is_the_mirror_image_at_the_edge() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 48), np.uint8)
    below = np.array([[1.0, 0, 0], [0, 1, 0]])
    crop = warp_symmetric(image, below, 48)
    assert np.array_equal(crop[40:], image[38:30:-1])
    assert np.array_equal(crop[:40], image)


def with_eyes(tilt_deg: float, distance: float = 40) -> np.ndarray:
    keypoints = np.zeros((6, 2), np.float32)
    across = np.array([np.cos(np.deg2rad(tilt_deg)), np.sin(np.deg2rad(tilt_deg))])
    keypoints[:2] = np.array([120, 125]) + np.outer([-0.5, 0.5], across * distance)
    return keypoints


@pytest.mark.parametrize(
    ("tilt_deg", "left_deg"), [(0, 0), (12, 12), (-15, -15), (40, 15), (-100, -15), (180, 15)]
)
def test_a_face_is_turned_until_it_tilts_as_training_samples_do(
    tilt_deg: float, left_deg: float
) -> None:
    keypoints = with_eyes(tilt_deg)
    transform = face_transform(BBox(80, 90, 160, 170), keypoints, CROP, 48)

    left, right = keypoints[:2] @ transform[:, :2].T + transform[:, 2]

    assert np.rad2deg(np.arctan2(*(right - left)[::-1])) == pytest.approx(left_deg, abs=0.01)
    assert np.hypot(*(right - left)) == pytest.approx(40 * 0.8 * 48 / 80)


def test_the_eyes_distance_does_not_scale() -> None:
    """It is small in a face that is turned aside."""
    box = BBox(80, 90, 160, 170)
    transform = face_transform(box, with_eyes(0, 10), CROP, 48)
    assert np.array_equal(transform, face_transform(box, None, CROP, 48))


def test_the_tilt_is_that_from_training_samples() -> None:
    tilted = FaceCrop(left_eye=(0.3, 0.3), right_eye=(0.7, 0.7), box_side=0.8, box_shift_y=-0.1)
    transform = face_transform(BBox(80, 90, 160, 170), with_eyes(45), tilted, 48)
    assert transform[:, :2] == pytest.approx(np.eye(2) * 0.8 * 48 / 80)


def test_without_eyes_the_box_takes_its_share_of_the_crop() -> None:
    transform = face_transform(BBox(100, 100, 180, 180), None, CROP, 48)

    corners = np.array([(100, 100), (180, 180)]) @ transform[:, :2].T + transform[:, 2]

    # The box is 0.8 of the crop; the crop's centre lies 0.1 of its side above the box's.
    assert corners[0] == pytest.approx([0.1 * 48 - 0.5, 0.2 * 48 - 0.5])
    assert corners[1] == pytest.approx([0.9 * 48 - 0.5, 1.0 * 48 - 0.5])


def test_eyes_in_one_place_fall_back_to_the_box() -> None:
    same = np.full((6, 2), 50, np.float32)
    box = BBox(10, 10, 90, 90)
    assert np.array_equal(face_transform(box, same, CROP, 48), face_transform(box, None, CROP, 48))


def test_boxes_are_half_open() -> None:
    left, right = BBox(0, 0, 10, 10), BBox(10, 0, 20, 10)
    assert left.iou(right) == 0
    assert left.iou(left) == 1
    assert left.iou(BBox(5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert BBox(5, 5, 5, 9).area == 0
    assert left.expand(2) == BBox(-5, -5, 15, 15)
    assert BBox(-5, 5, 30, 40).clip(20, 20) == BBox(0, 5, 20, 20)


def test_a_strip_longer_than_opencv_warps_is_cropped_like_a_short_one() -> None:
    rng = np.random.default_rng(3)
    strip = rng.integers(0, 255, (20, 40_000, 3)).astype(np.uint8)
    at = two_point_transform([(30_000, 4), (30_012, 6)], [(8, 20), (24, 20)])
    near = at.copy()
    near[:, 2] += at[:, :2] @ (29_900, 0)
    crop = warp(strip, at, 32)
    assert np.abs(crop.astype(int) - warp(strip[:, 29_900:30_100], near, 32)).max() <= 1
    far = two_point_transform([(-500, 4), (-480, 4)], [(8, 20), (24, 20)])
    assert warp(strip, far, 32).shape == (32, 32, 3)


@pytest.mark.parametrize("side", [60, 128, 129, 255, 256, 259, 361, 480, 640])
def test_shrinking_averages_as_opencv_s_area_does(side: int) -> None:
    rng = np.random.default_rng(side)
    coarse = rng.uniform(0, 255, (12, 12, 3)).astype(np.float32)
    image = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 255)
    image = (image * 0.9 + rng.normal(10, 4, image.shape)).clip(0, 255).astype(np.uint8)
    small = shrink(image, 128)
    area = cv2.INTER_AREA if side > 128 else cv2.INTER_LINEAR
    expected = cv2.resize(image, (128, 128), interpolation=area)
    assert (small.shape, small.dtype) == ((128, 128, 3), np.uint8)
    assert np.abs(small.astype(int) - expected).mean() < 2.0
    assert abs(float(small.mean()) - float(expected.mean())) < 0.5
