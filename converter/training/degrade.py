"""What a camera does to a far or dark face: gamma, backlight, low resolution, blur and noise.

Nothing is drawn for an amount of zero, so that recipes without it repeat exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from converter.training.recipe import Augmentation

SMALLEST_FACE_PX, LARGEST_FACE_PX = 12, 40
LEAST_SIGMA_PX, MOST_SIGMA_PX = 0.5, 2.0
BLUR_RADIUS_PX = 6
MOST_STOPS = 5.0
GLARE = 0.06
"""Of the full range of light, for each stop."""

SCREEN_GAMMA = 2.2
DARKEST = 1e-4
"""Of 0..1: a power below 1 is infinitely steep at zero."""


def degraded(images: Tensor, amounts: Augmentation) -> Tensor:
    """Return float images (N, 1, S, S) of 0..255 as a worse camera would have seen them."""
    if amounts.gamma:
        images = _gamma(images, amounts.gamma)
    if amounts.backlight:
        images = _where(amounts.backlight, images, _backlit)
    if amounts.low_resolution:
        images = _where(amounts.low_resolution, images, _low_resolution)
    if amounts.blur:
        images = _where(amounts.blur, images, _blurred)
    if amounts.noise:
        images = _noisy(images, amounts.noise)
    return images


def _where(share: float, images: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `change` to this share of the images, chosen at random."""
    chosen = (torch.rand(len(images)) < share).view(-1, 1, 1, 1).to(images.device)
    return torch.where(chosen, change(images), images)


def _gamma(images: Tensor, most: float) -> Tensor:
    """Raise 0..1 to a power from exp(-most) to exp(most): other exposures."""
    powers = torch.exp((torch.rand(len(images)) * 2 - 1) * most)
    powers = powers.view(-1, 1, 1, 1).to(images.device)
    return 255 * (images / 255).clamp(min=DARKEST) ** powers


def _backlit(images: Tensor) -> Tensor:
    """Darken each by up to 5 stops and let light from one side scatter over it, in linear light."""
    stops, toward = torch.rand(2, len(images), 1, 1, 1, device=images.device)
    stops, toward = stops * MOST_STOPS, toward * 2 * math.pi
    along = torch.linspace(-1, 1, images.shape[-1], device=images.device)
    across = along * torch.cos(toward) + along.view(-1, 1) * torch.sin(toward)
    glare = GLARE * stops * ((across + 1.5) / 3).clamp(0, 1)
    light: Tensor = (images / 255) ** SCREEN_GAMMA * torch.exp2(-stops) + glare
    return light.clamp(0, 1) ** (1 / SCREEN_GAMMA) * 255


def _low_resolution(images: Tensor) -> Tensor:
    """Scale down to a face of 12 to 40 px, one size for the batch, and up again."""
    side = images.shape[-1]
    small_px = int(torch.randint(SMALLEST_FACE_PX, LARGEST_FACE_PX + 1, ()))
    small = functional.interpolate(images, size=(small_px, small_px), mode="area")
    return functional.interpolate(small, size=(side, side), mode="bilinear", align_corners=False)


def _blurred(images: Tensor) -> Tensor:
    """Blur with one Gaussian for the batch, of a sigma of 0.5 to 2 px."""
    sigma = LEAST_SIGMA_PX + float(torch.rand(())) * (MOST_SIGMA_PX - LEAST_SIGMA_PX)
    at = torch.arange(-BLUR_RADIUS_PX, BLUR_RADIUS_PX + 1, dtype=images.dtype)
    line = torch.exp(-0.5 * (at / sigma) ** 2)
    line = (line / line.sum()).to(images.device)
    padded = functional.pad(images, [BLUR_RADIUS_PX] * 4, mode="replicate")
    across = functional.conv2d(padded, line.view(1, 1, 1, -1))
    return functional.conv2d(across, line.view(1, 1, -1, 1))


def _noisy(images: Tensor, most: float) -> Tensor:
    """Add Gaussian noise of a deviation of up to `most`, of 255."""
    deviations = (torch.rand(len(images)) * most).view(-1, 1, 1, 1).to(images.device)
    return (images + deviations * torch.randn_like(images)).clamp(0, 255)
