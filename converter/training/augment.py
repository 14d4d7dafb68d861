"""Distorted and blended images, a batch at a time, from torch's own random numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Beta
from torch.nn import functional

from converter.training.degrade import degraded
from converter.training.model import IMAGE_SIDE_PX
from converter.training.recipe import Augmentation

SMALLEST_PATCH = 1 / 8
LARGEST_PATCH = 1 / 3
"""Sides of an erased rectangle, in shares of the image's."""


def distorted(pixels: Tensor, amounts: Augmentation) -> Tensor:
    """Return uint8 images (N, 1, 48, 48) warped and lit otherwise, but clear: float32, 0..255."""
    return _lit(_warped(pixels.float(), amounts), amounts)


def spoiled(images: Tensor, side_px: int, amounts: Augmentation) -> Tensor:
    """Return clear images (N, 1, 48, 48) of 0..255 as samples of a worse camera, partly erased.

    They are float32 (N, 1, side, side) in -1..1, which is what the network takes.
    """
    return _erased(samples_of(degraded(images, amounts), side_px), amounts.erase)


def samples_of(images: Tensor, side_px: int) -> Tensor:
    """Return images (N, 1, 48, 48) of 0..255 as samples (N, 1, side, side) in -1..1."""
    return resized(scaled(images), side_px)


def blended(images: Tensor, alpha: float) -> tuple[Tensor, Tensor, float]:
    """Blend each image with another of the batch (mixup: Zhang et al. 2018); alpha 0 does not.

    Returns the blends, float32 (N, 1, side, side), the index of each one's other image, int64 (N,),
    and the share, 0.5..1, that each image has of its own blend: one for the whole batch.
    """
    if not alpha:
        return images, torch.arange(len(images)), 1.0
    drawn = float(Beta(alpha, alpha).sample())
    share, others = max(drawn, 1 - drawn), torch.randperm(len(images))
    return images.lerp(images[others.to(images.device)], 1 - share), others, share


def patched(images: Tensor) -> tuple[Tensor, Tensor, float]:
    """Put a rectangle of another image of the batch into each (cutmix: Yun et al. 2019).

    Returns as `blended`: the images, the index of each one's other image, and the share of the area
    that is its own. The rectangle is one for the whole batch, any share of the area as likely.
    """
    side, others = images.shape[-1], torch.randperm(len(images))
    edge = math.sqrt(float(torch.rand(()))) * side / 2
    (top, bottom), (left, right) = (
        (max(0, round(middle - edge)), min(side, round(middle + edge)))
        for middle in (torch.rand(2) * side).tolist()
    )
    mixed = images.clone()
    theirs = images[others.to(images.device)]
    mixed[:, :, top:bottom, left:right] = theirs[:, :, top:bottom, left:right]
    return mixed, others, 1 - (bottom - top) * (right - left) / side**2


def scaled(pixels: Tensor) -> Tensor:
    """Return pixels 0..255 of any dtype as the float32 the network takes, -1..1."""
    return pixels.float() / 127.5 - 1


def resized(images: Tensor, side_px: int) -> Tensor:
    """Return float images (N, 1, 48, 48) at another side. Averaged areas: sampling aliases."""
    if side_px == IMAGE_SIDE_PX:
        return images
    return functional.interpolate(images, size=(side_px, side_px), mode="area")


def _warped(images: Tensor, amounts: Augmentation) -> Tensor:
    """Turn, scale, stretch, slant, mirror and shift, in one resampling."""
    count = len(images)
    angle = torch.randn(count) * math.radians(amounts.rotation_deg)
    scale, aspect = _around_one(count, amounts.scale), _around_one(count, amounts.aspect)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle), torch.sin(angle)
    across = torch.stack(
        [
            mirror * scale * aspect * cos,
            -sin * scale + _around_zero(count, amounts.shear),
            _around_zero(count, 2 * amounts.shift),  # the grid is two units wide
        ],
        1,
    )
    down = torch.stack(
        [mirror * scale * sin, scale / aspect * cos, _around_zero(count, 2 * amounts.shift)], 1
    )
    matrices = torch.stack([across, down], 1).to(images.device)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _lit(images: Tensor, amounts: Augmentation) -> Tensor:
    """Change contrast about each image's mean and brightness, 0..255."""
    count, device = len(images), images.device
    contrast = _around_one(count, amounts.contrast).view(-1, 1, 1, 1).to(device)
    brightness = _around_zero(count, amounts.brightness).view(-1, 1, 1, 1).to(device)
    mean = images.mean((1, 2, 3), keepdim=True)
    return ((images - mean) * contrast + mean + brightness).clamp(0, 255)


def _erased(images: Tensor, share: float) -> Tensor:
    """Blank a rectangle of some images with one random grey each (Zhong et al. 2020)."""
    side = images.shape[-1]
    for index in torch.nonzero(torch.rand(len(images)) < share).flatten().tolist():
        low, high = int(side * SMALLEST_PATCH), int(side * LARGEST_PATCH)
        height, width = torch.randint(low, high, (2,)).tolist()
        top = int(torch.randint(side - height, ()))
        left = int(torch.randint(side - width, ()))
        grey = float(torch.rand(())) * 2 - 1
        images[index, :, top : top + height, left : left + width] = grey
    return images


def _around_zero(count: int, most: float) -> Tensor:
    return (torch.rand(count) * 2 - 1) * most


def _around_one(count: int, most: float) -> Tensor:
    return torch.exp(_around_zero(count, most))
