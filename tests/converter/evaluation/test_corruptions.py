"""Corrupted images: repeatable, worse with each strength, and what their names say."""

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

import cv2

from converter.evaluation.corruptions import CORRUPTIONS, STRENGTHS, corrupted

pytestmark = pytest.mark.converter

NAMES = [corruption.name for corruption in CORRUPTIONS]


def by_name(name):
    return CORRUPTIONS[NAMES.index(name)]


@pytest.fixture(scope="module")
def faces():
    """Twelve smooth images that no corruption leaves as they are, uint8 (12, 48, 48)."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 216, (12, 3, 3), np.uint8)
    return np.stack(
        [cv2.resize(image, (48, 48), interpolation=cv2.INTER_CUBIC) for image in coarse]
    )


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=NAMES)
def test_a_corruption_changes_more_with_each_strength(corruption, faces):
    assert len(corruption.amounts) == STRENGTHS
    before, errors = faces.copy(), []
    for strength in range(STRENGTHS):
        images = corrupted(faces, corruption, strength, seed=3)
        assert (images.shape, images.dtype) == (faces.shape, np.uint8)
        errors.append(np.abs(images.astype(int) - faces).mean())
    assert 0 < errors[0] < 0.8 * errors[-1]
    assert errors == sorted(errors) or corruption.name == "backlight"
    np.testing.assert_array_equal(faces, before)


def test_backlight_leaves_less_of_the_face(faces):
    alike = []
    for strength in (0, 4):
        images = corrupted(faces, by_name("backlight"), strength, 0)
        pairs = zip(images.reshape(12, -1), faces.reshape(12, -1), strict=True)
        alike.append(np.mean([np.corrcoef(pair)[0, 1] for pair in pairs]))
    assert alike[1] < 0.8 < alike[0] < 0.99


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=NAMES)
def test_the_same_seed_gives_the_same_images(corruption, faces):
    once, again = (corrupted(faces, corruption, 2, seed=7) for _ in range(2))
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("name", ["noise", "motion blur", "rotation", "mask", "backlight"])
def test_another_seed_gives_others(name, faces):
    one, other = (corrupted(faces, by_name(name), 2, seed=seed) for seed in (0, 1))
    assert (one != other).any()


def test_low_light_halves_the_light_with_each_stop():
    gray = np.full((1, 48, 48), 200, np.uint8)
    light = [(corrupted(gray, by_name("low light"), s, 0) / 255.0) ** 2.2 for s in range(3)]
    means = [(200 / 255) ** 2.2, *(float(one.mean()) for one in light)]
    assert [after / before for before, after in pairwise(means)] == (
        pytest.approx([0.5] * 3, rel=0.03)
    )


def test_a_gaussian_blur_of_a_dot_has_the_width_of_its_unit():
    dot = np.zeros((1, 48, 48), np.uint8)
    dot[0, 20:29, 20:29] = 255
    blurred = corrupted(dot, by_name("blur"), 4, 0)[0].sum(axis=0).astype(float)
    at = np.arange(48)
    middle = (blurred * at).sum() / blurred.sum()
    variance = (blurred * (at - middle) ** 2).sum() / blurred.sum()
    assert variance - (9**2 - 1) / 12 == pytest.approx(2.8**2, rel=0.1)


def test_motion_smears_a_dot_along_a_line_of_its_length():
    dot = np.zeros((1, 48, 48), np.uint8)
    dot[0, 24, 24] = 255
    rows, columns = np.nonzero(corrupted(dot, by_name("motion blur"), 4, 0)[0])
    length = np.hypot(np.ptp(rows), np.ptp(columns))
    assert 11 <= length <= 13
    assert len(rows) < 20


def test_a_shift_moves_a_dot_by_its_share_of_the_side():
    dot = np.zeros((1, 48, 48), np.uint8)
    dot[0, 22:27, 22:27] = 255
    for strength, share in enumerate(by_name("shifted crop").amounts):
        moved = corrupted(dot, by_name("shifted crop"), strength, 0)[0].astype(float)
        rows, columns = np.mgrid[:48, :48]
        centre = [(moved * axis).sum() / moved.sum() for axis in (rows, columns)]
        assert np.hypot(*np.subtract(centre, 24)) == pytest.approx(48 * share, abs=0.3)


def test_a_small_face_keeps_as_many_pixels_as_it_says(faces):
    image = corrupted(faces, by_name("small face"), 4, 0)[0]
    small = np.rint(faces[0].reshape(12, 4, 12, 4).mean(axis=(1, 3))).astype(np.uint8)
    again = cv2.resize(small, (48, 48), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(image.astype(int), again, atol=1)


def test_masks_and_sunglasses_leave_the_rest_of_the_face(faces):
    masked, shaded = (corrupted(faces, by_name(name), 4, 0) for name in ("mask", "sunglasses"))
    np.testing.assert_array_equal(masked[:, :23], faces[:, :23])
    assert len(np.unique(masked[0, 30:40, 14:34])) == 1
    np.testing.assert_array_equal(shaded[:, 28:], faces[:, 28:])
    assert not shaded[:, 17:20, [14, 15, 16, 32, 33]].any()
