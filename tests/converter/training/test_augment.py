"""Distorted images: what stays, what changes, and how far."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

import msgspec
import torch

from converter.training.augment import (
    LARGEST_PATCH,
    blended,
    distorted,
    patched,
    resized,
    samples_of,
    scaled,
    spoiled,
)
from converter.training.degrade import degraded
from converter.training.recipe import Augmentation, default_recipe

pytestmark = pytest.mark.converter

AMOUNTS = default_recipe().augmentation
STILL = Augmentation(**dict.fromkeys(Augmentation.__struct_fields__, 0.0))


@pytest.fixture
def pixels():
    """Uint8 (16, 1, 48, 48): a bright square, off the middle, on a slope of grey."""
    image = np.tile(np.linspace(40, 90, 48), (48, 1))
    image[10:22, 6:18] = 230
    return torch.from_numpy(np.repeat(image[None, None], 16, 0).astype(np.uint8))


def augmented(pixels, side_px, amounts):
    return spoiled(distorted(pixels, amounts), side_px, amounts)


def test_without_distortion_an_image_is_itself_or_its_mirror_image(pixels):
    torch.manual_seed(0)
    same = mirrored = 0
    for image, before in zip(augmented(pixels, 48, STILL), scaled(pixels), strict=True):
        same += torch.allclose(image, before, atol=1e-4)
        mirrored += torch.allclose(image, before.flip(-1), atol=1e-4)
    assert same + mirrored == 16
    assert same >= 2
    assert mirrored >= 2


def test_distorted_images_differ_and_stay_in_range(pixels):
    torch.manual_seed(0)
    images = augmented(pixels, 48, AMOUNTS)
    assert images.dtype == torch.float32
    assert images.shape == (16, 1, 48, 48)
    assert images.min() >= -1
    assert images.max() <= 1
    flat = images.flatten(1)
    assert all(not torch.equal(a, b) for i, a in enumerate(flat) for b in flat[:i])


def test_the_same_seed_draws_the_same_distortions(pixels):
    images = []
    for _ in range(2):
        torch.manual_seed(7)
        images.append(augmented(pixels, 32, AMOUNTS))
    assert torch.equal(*images)


def test_smaller_images_keep_the_mean(pixels):
    images = scaled(pixels)
    small = resized(images, 24)
    assert small.shape == (16, 1, 24, 24)
    assert small.mean().item() == pytest.approx(images.mean().item(), abs=1e-5)


@pytest.mark.parametrize(("name", "amount"), [("brightness", 35.0), ("contrast", 0.4)])
def test_light_moves_no_edges(name, amount, pixels):
    torch.manual_seed(0)
    lit = augmented(pixels, 48, msgspec.structs.replace(STILL, **{name: amount}))
    squares = (lit > lit.mean((2, 3), keepdim=True) + 0.3).flatten(1).sum(1)
    assert (squares == 144).all()
    assert lit.flatten(1).mean(1).std() > 0.05 or lit.flatten(1).std(1).std() > 0.05


def test_erasing_blanks_one_rectangle_of_one_grey(pixels):
    torch.manual_seed(0)
    erased = augmented(pixels, 48, msgspec.structs.replace(STILL, erase=1.0))
    for image, before in zip(erased, scaled(pixels), strict=True):
        changed = min(
            ((image - whole).abs() > 1e-4 for whole in (before, before.flip(-1))),
            key=lambda mask: mask.sum(),
        )[0]
        rows, columns = changed.any(1).sum(), changed.any(0).sum()
        assert 0 < rows <= 48 * LARGEST_PATCH
        assert 0 < columns <= 48 * LARGEST_PATCH
        assert len(image[0][changed].unique()) == 1


def test_a_clear_image_is_neither_degraded_nor_erased(pixels):
    worst = msgspec.structs.replace(
        STILL, gamma=1.0, backlight=1.0, low_resolution=1.0, blur=1.0, noise=50.0, erase=1.0
    )
    torch.manual_seed(0)
    clear = distorted(pixels, worst)
    torch.manual_seed(0)
    assert torch.equal(clear, distorted(pixels, STILL))
    assert (spoiled(clear, 48, worst) - samples_of(clear, 48)).abs().mean() > 0.1


def test_a_turn_keeps_a_circle():
    # Rotation in the grid must be one in pixels too: no stretch comes with it.
    y, x = np.mgrid[:48, :48] - 23.5
    disc = torch.from_numpy(((x**2 + y**2 < 15**2) * 255).astype(np.uint8))[None, None]
    torch.manual_seed(0)
    turned = augmented(
        disc.repeat(8, 1, 1, 1), 48, msgspec.structs.replace(STILL, rotation_deg=30.0)
    )
    assert (turned - scaled(disc)).abs().mean() < 0.04  # a tenth more width gives 0.06


def test_a_blend_has_most_of_its_own_image_and_the_rest_of_another(pixels):
    torch.manual_seed(0)
    images = augmented(pixels, 48, AMOUNTS)
    blends, others, share = blended(images.clone(), 0.4)
    assert 0.5 <= share < 1
    assert sorted(others.tolist()) == list(range(16))
    assert torch.allclose(blends, share * images + (1 - share) * images[others], atol=1e-5)


def test_without_blending_images_stay_as_they_are(pixels):
    images = scaled(pixels)
    blends, others, share = blended(images, 0.0)
    assert torch.equal(blends, images)
    assert others.tolist() == list(range(16))
    assert share == 1


def test_a_patched_image_has_one_rectangle_of_another(pixels):
    torch.manual_seed(0)
    images = augmented(pixels, 48, AMOUNTS)
    shares = []
    for _ in range(40):
        mixed, others, share = patched(images.clone())
        own = torch.isclose(mixed, images).all(1)
        theirs = torch.isclose(mixed, images[others]).all(1)
        assert (own | theirs).all()
        assert sorted(others.tolist()) == list(range(16))
        foreign = ~own[others != torch.arange(16)]
        area = foreign.float().mean((1, 2)).max().item()
        assert share == pytest.approx(1 - area, abs=0.02)
        shares.append(share)
    assert min(shares) < 0.5 < max(shares)


def degrade(pixels, **amounts):
    torch.manual_seed(0)
    return degraded(pixels.float(), msgspec.structs.replace(STILL, **amounts))


def test_nothing_is_drawn_for_what_is_off(pixels):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert torch.equal(degraded(pixels.float(), STILL), pixels.float())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "amounts",
    [
        {"gamma": 0.7},
        {"backlight": 1.0},
        {"low_resolution": 1.0},
        {"blur": 1.0},
        {"noise": 30.0},
    ],
)
def test_degraded_images_differ_and_stay_in_range(amounts, pixels):
    images = degrade(pixels, **amounts)
    assert images.shape == pixels.shape
    assert images.min() >= 0
    assert images.max() <= 255
    assert ((images - pixels).abs().flatten(1).mean(1) > 0.5).sum() > 12


@pytest.mark.parametrize("name", ["backlight", "low_resolution", "blur"])
def test_a_share_of_the_images_is_degraded(name, pixels):
    many = pixels.repeat(16, 1, 1, 1)
    changed = (degrade(many, **{name: 0.25}) != many).flatten(1).any(1).float().mean()
    assert changed == pytest.approx(0.25, abs=0.07)


def test_gamma_is_a_power_of_the_grey_values(pixels):
    images, whole = degrade(pixels, gamma=0.7) / 255, pixels.float() / 255
    powers = (images.log() / whole.log()).flatten(1)
    assert (powers.std(1) < 1e-3).all()
    assert (powers.mean(1).log().abs() < 0.7).all()
    assert powers.mean(1).std() > 0.2


def test_backlight_takes_contrast_and_lights_one_side():
    bright, dark = torch.full((64, 1, 48, 48), 230.0), torch.full((64, 1, 48, 48), 60.0)
    images = []
    for flat in (bright, dark):
        torch.manual_seed(0)
        images.append(degrade(flat, backlight=1.0))
    contrast = (images[0] - images[1]).amax((1, 2, 3))
    assert contrast.min() < 50
    assert (contrast <= 170.1).all()
    sides = torch.stack([images[1][..., 0].mean(2), images[1][..., -1].mean(2)]).squeeze(-1)
    assert (sides[0] > sides[1] + 20).any()
    assert (sides[1] > sides[0] + 20).any()


def test_a_blur_keeps_the_mean_and_takes_the_edges(pixels):
    images = degrade(pixels, blur=1.0)
    assert images.mean().item() == pytest.approx(pixels.float().mean().item(), abs=0.5)
    across = images.diff(dim=3).abs().amax((1, 2, 3))
    assert (across < 0.8 * pixels.float().diff(dim=3).abs().amax()).all()


def test_noise_has_up_to_the_deviation_that_is_asked_for():
    gray = torch.full((64, 1, 48, 48), 128, dtype=torch.uint8)
    deviations = degrade(gray, noise=20.0).flatten(1).std(1)
    assert deviations.max().item() == pytest.approx(20, abs=1.5)
    assert deviations.mean().item() == pytest.approx(10, abs=2)
