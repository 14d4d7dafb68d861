"""Ten ways in which a camera's faces are worse than a dataset's, at five strengths each.

After Hendrycks & Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations" (2019), with amounts for faces of 48x48 pixels. The tenth, an occluded face, is two:
a mask and sunglasses. Light is changed in linear light, as at the lens, not in grey values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from converter.data.faces import Images
from converter.data.image import SIDE_PX
from converter.manifest import FaceCrop

STRENGTHS = 5
GAMMA = 2.2
FULL_WELL = 2000
"""Photons in the brightest pixel, after a small sensor's: they make the noise of low light."""

EYES = FaceCrop().left_eye, FaceCrop().right_eye
REPLICATED = cv2.BORDER_REPLICATE
Random = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """`apply` maps one uint8 (48, 48) and an amount to the same form; `amounts` grow stronger."""

    name: str
    unit: str
    amounts: tuple[float, ...]
    apply: Callable[[Images, float, Random], Images]


def corrupted(images: Images, corruption: Corruption, strength: int, seed: int) -> Images:
    """Return uint8 (N, 48, 48) corrupted at `strength` 0..4.

    The same seed gives the same images, whatever else is drawn before.
    """
    rng = np.random.default_rng([seed, strength, *corruption.name.encode()])
    amount = corruption.amounts[strength]
    return np.stack([corruption.apply(image, amount, rng) for image in images])


def _low_light(image: Images, stops: float, rng: Random) -> Images:
    photons = rng.poisson(_linear(image) * 2.0**-stops * FULL_WELL)
    return _pixels(_gray(photons / FULL_WELL))


def _backlight(image: Images, stops: float, rng: Random) -> Images:
    """Darken the face and let light from one side scatter over it, as before a window."""
    toward = rng.uniform(0, 2 * math.pi)
    rows, columns = np.mgrid[-1 : 1 : SIDE_PX * 1j, -1 : 1 : SIDE_PX * 1j]
    side = (columns * math.cos(toward) + rows * math.sin(toward) + 1.5) / 3
    glare = 0.06 * stops * side.clip(0, 1)
    return _pixels(_gray(_linear(image) * 2.0**-stops + glare))


def _blur(image: Images, sigma_px: float, _: Random) -> Images:
    return _pixels(cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=REPLICATED))


def _motion_blur(image: Images, length_px: float, rng: Random) -> Images:
    """Average along a line in a random direction."""
    radians = rng.uniform(0, math.pi)
    along = np.linspace(-1, 1, 8 * int(length_px)) * (length_px - 1) / 2
    middle = int(length_px) // 2
    rows, columns = (
        np.rint(along * part).astype(int) + middle
        for part in (math.sin(radians), math.cos(radians))
    )
    line = np.zeros((2 * middle + 1, 2 * middle + 1))
    np.add.at(line, (rows, columns), 1 / len(along))
    return _pixels(cv2.filter2D(image.astype(np.float64), -1, line, borderType=REPLICATED))


def _noise(image: Images, deviation: float, rng: Random) -> Images:
    return _pixels(image + rng.normal(0, deviation, image.shape))


def _jpeg(image: Images, quality: float, _: Random) -> Images:
    _done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return _pixels(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)))


def _small_face(image: Images, side_px: float, _: Random) -> Images:
    small = cv2.resize(image, (int(side_px), int(side_px)), interpolation=cv2.INTER_AREA)
    return _pixels(cv2.resize(small, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR))


def _rotation(image: Images, degrees: float, rng: Random) -> Images:
    middle = (SIDE_PX - 1) / 2
    angle = degrees * rng.choice([-1, 1])
    turn = cv2.getRotationMatrix2D((middle, middle), angle, 1.0)
    return _warped(image, np.asarray(turn, np.float64))


def _shifted_crop(image: Images, share: float, rng: Random) -> Images:
    toward = rng.uniform(0, 2 * math.pi)
    distance_px = share * SIDE_PX
    return _moved(image, distance_px * math.cos(toward), distance_px * math.sin(toward))


def _mask(image: Images, top: float, rng: Random) -> Images:
    """Cover the lower face from `top`, a share of the height, with one grey."""
    corners = [(0.12, top + 0.06), (0.5, top), (0.88, top + 0.06), (0.78, 0.95), (0.5, 1.05)]
    outline = np.array([*corners, (0.22, 0.95)]) * SIDE_PX
    covered = cv2.fillConvexPoly(image.copy(), outline.round().astype(np.int32), _any_gray(rng))
    return _pixels(covered)


def _sunglasses(image: Images, opacity: float, _: Random) -> Images:
    """Darken both eyes behind lenses with a bridge between them."""
    glasses = np.zeros_like(image)
    left, right = [(int(x * SIDE_PX), int(y * SIDE_PX)) for x, y in EYES]
    for centre in (left, right):
        cv2.ellipse(glasses, centre, (8, 6), 0, 0, 360, 255, cv2.FILLED)
    cv2.line(glasses, left, right, 255, 2)
    return _pixels(image * (1 - opacity * (glasses / 255)))


CORRUPTIONS = (
    Corruption(name="low light", unit="stops darker", amounts=(1, 2, 3, 4, 5), apply=_low_light),
    Corruption(name="backlight", unit="stops darker", amounts=(1, 2, 3, 4, 5), apply=_backlight),
    Corruption(name="blur", unit="px, sigma", amounts=(0.6, 1.0, 1.5, 2.0, 2.8), apply=_blur),
    Corruption(name="motion blur", unit="px long", amounts=(3, 5, 7, 9, 13), apply=_motion_blur),
    Corruption(name="noise", unit="of 255, sd", amounts=(5, 10, 18, 28, 40), apply=_noise),
    Corruption(name="JPEG", unit="quality", amounts=(60, 40, 25, 15, 8), apply=_jpeg),
    Corruption(name="small face", unit="px", amounts=(40, 32, 24, 16, 12), apply=_small_face),
    Corruption(name="rotation", unit="degrees", amounts=(10, 20, 30, 40, 50), apply=_rotation),
    Corruption(
        name="shifted crop",
        unit="of the side",
        amounts=(0.05, 0.1, 0.15, 0.2, 0.3),
        apply=_shifted_crop,
    ),
    Corruption(
        name="mask", unit="of the height, top", amounts=(0.9, 0.8, 0.7, 0.6, 0.5), apply=_mask
    ),
    Corruption(
        name="sunglasses", unit="opacity", amounts=(0.4, 0.55, 0.7, 0.85, 1.0), apply=_sunglasses
    ),
)


def _moved(image: Images, across_px: float, down_px: float) -> Images:
    return _warped(image, np.array([[1, 0, across_px], [0, 1, down_px]], np.float64))


def _warped(image: Images, matrix: npt.NDArray[np.float64]) -> Images:
    size = SIDE_PX, SIDE_PX
    return _pixels(cv2.warpAffine(image, matrix, size, borderMode=REPLICATED))


def _linear(image: Images) -> npt.NDArray[np.float64]:
    return np.power(image / 255, GAMMA)


def _gray(linear: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 255 * np.power(linear, 1 / GAMMA)


def _any_gray(rng: Random) -> int:
    return int(rng.integers(40, 240))


def _pixels(values: npt.NDArray[np.generic]) -> Images:
    return np.asarray(np.rint(values).clip(0, 255), np.uint8)
