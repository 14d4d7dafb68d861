"""Near copies: what people did to a photo before they put it up again, and what is another one."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.data.dataset import load_dataset
from converter.data.faces import Split
from converter.data.near_copies import (
    LEAST_CORRELATION,
    SHIFT_PX,
    is_near,
    near_copies,
    without_near_copies,
)

pytestmark = pytest.mark.converter


@pytest.fixture(scope="module")
def photos():
    """Forty smooth images, uint8 (40, 48, 48), no two alike."""
    coarse = np.random.default_rng(0).integers(20, 236, (40, 5, 5), np.uint8)
    return np.stack(
        [cv2.resize(image, (48, 48), interpolation=cv2.INTER_CUBIC) for image in coarse]
    )


def moved(image, across_px, down_px):
    matrix = np.array([[1, 0, across_px], [0, 1, down_px]], np.float64)
    return cv2.warpAffine(image, matrix, (48, 48), borderMode=cv2.BORDER_REPLICATE)


def compressed(image):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0)


CHANGES = {
    "none": lambda image: image,
    "moved": lambda image: moved(image, 3, -2),
    "brighter": lambda image: (image * 0.7 + 60).astype(np.uint8),
    "compressed": compressed,
    "smaller": lambda image: cv2.resize(cv2.resize(image, (32, 32)), (48, 48)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_done_to_a_photo_is_seen_through(change, photos):
    again = np.stack([change(image) for image in photos[10:14]])
    mine, theirs = near_copies(again, photos)
    assert mine.tolist() == [0, 1, 2, 3]
    assert theirs.tolist() == [10, 11, 12, 13]


def test_other_photos_and_far_crops_are_not_near(photos):
    assert all(part.size == 0 for part in near_copies(photos[:20], photos[20:]))
    assert not is_near(moved(photos[0], 3 * SHIFT_PX, 0), photos[0])
    blank = np.full((1, 48, 48), 77, np.uint8)
    assert not is_near(blank[0], photos[0])
    assert all(part.size == 0 for part in near_copies(blank, blank))


def test_the_bound_is_on_the_correlation(photos):
    image = photos[0].astype(float)
    noise = np.random.default_rng(0).normal(0, 1, image.shape)
    inner = np.s_[SHIFT_PX:-SHIFT_PX, SHIFT_PX:-SHIFT_PX]
    for aim, wanted in ((LEAST_CORRELATION + 0.01, True), (LEAST_CORRELATION - 0.02, False)):
        amount = image[inner].std() * np.sqrt(1 / aim**2 - 1)
        noisy = np.rint(image + amount * noise).clip(0, 255).astype(np.uint8)
        found = np.corrcoef(noisy[inner].ravel(), image[inner].ravel())[0, 1]
        assert found == pytest.approx(aim, abs=0.008)
        assert is_near(noisy, photos[0]) is wanted


def test_training_drops_near_copies_of_held_out_samples(random_faces, photos):
    random_faces.images[:40] = photos
    random_faces.images[0] = moved(photos[6], 1, 1)  # PublicTest's
    random_faces.images[1] = compressed(photos[8])  # PrivateTest's
    random_faces.images[2] = compressed(photos[3])  # Training's own
    training = random_faces.training()
    kept = without_near_copies(training, random_faces)
    assert len(kept) == len(training) - 2
    np.testing.assert_array_equal(kept.images[0], random_faces.images[2])


@pytest.mark.slow
def test_fer2013_has_a_known_number_of_them(fer2013):
    faces = load_dataset(fer2013)
    training = faces.training()
    kept = without_near_copies(training, faces)
    assert 0.015 < 1 - len(kept) / len(training) < 0.02
    again, _ = near_copies(kept.images, faces.images[faces.split != Split.TRAINING])
    assert again.size == 0
