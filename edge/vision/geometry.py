"""Similarity transforms from frame pixels to a small aligned crop, and the warp itself.

A transform is float64 (2, 3), as cv2.warpAffine takes it; points are (x, y), pixel centres at
whole numbers.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

Transform = npt.NDArray[np.float64]

# What shrinks by less is not halved first: bilinear sampling of the half would blur it.
_HALVED_FROM = 3
# OpenCV warps images whose sides are below SHRT_MAX.
_LONGEST_PX = 32_000


def two_point_transform(source: npt.ArrayLike, target: npt.ArrayLike) -> Transform:
    """Return the rotation, scale and shift that map two source points (2, 2) to two targets.

    Raises ValueError when the source points coincide.
    """
    (p, q), (u, v) = _complex(source), _complex(target)
    if p == q:
        raise ValueError("two distinct points are needed, but got the same one twice")
    turn = (v - u) / (q - p)
    shift = u - turn * p
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def warp(
    image: npt.NDArray[np.uint8],
    transform: Transform,
    side: int,
    *,
    border: int = cv2.BORDER_REPLICATE,
) -> npt.NDArray[np.uint8]:
    """Return the (side, side[, C]) crop of `image` by `transform`.

    Bilinear sampling alone would alias where it shrinks. So that goes through a larger crop that is
    averaged, and where it shrinks much, the part that the crop shows is halved before. `border` is
    what OpenCV continues the image with, by default its edge.
    """
    shrink = 1 / math.sqrt(abs(float(np.linalg.det(transform[:, :2]))))
    if shrink >= _HALVED_FROM or max(image.shape[:2]) > _LONGEST_PX:
        image, transform = _needed_part(image, transform, side, margin=math.ceil(2 * shrink) + 1)
    while shrink >= _HALVED_FROM and min(image.shape[:2]) >= 2:
        image, transform = _halved(image, transform)
        shrink /= 2
    factor = max(1, math.ceil(shrink))
    finer = transform * factor
    finer[:, 2] += (factor - 1) / 2
    large = cv2.warpAffine(
        image, finer, (side * factor,) * 2, flags=cv2.INTER_LINEAR, borderMode=border
    )
    small = large if factor == 1 else cv2.resize(large, (side,) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def warp_symmetric(
    image: npt.NDArray[np.uint8], transform: Transform, side: int
) -> npt.NDArray[np.uint8]:
    """Return the crop as `warp` does, in which a symmetric object that the edge cuts is whole.

    What lies outside `image` is the mirror image of the crop's other half where that is inside, and
    of `image` elsewhere.
    """
    crop = warp(image, transform, side, border=cv2.BORDER_REFLECT_101)
    all_inside = np.full(image.shape[:2], 255, np.uint8)
    is_inside = warp(all_inside, transform, side, border=cv2.BORDER_CONSTANT) > 127
    is_missing = ~is_inside & is_inside[:, ::-1]
    crop[is_missing] = crop[:, ::-1][is_missing]
    return crop


def _needed_part(
    image: npt.NDArray[np.uint8], transform: Transform, side: int, *, margin: int
) -> tuple[npt.NDArray[np.uint8], Transform]:
    """Return the part of `image` that the crop shows, and the transform from that part."""
    corners = np.array([(0, 0), (side, 0), (0, side), (side, side)]) - transform[:, 2]
    points = corners @ np.linalg.inv(transform[:, :2]).T
    limits = np.array(image.shape[1::-1])
    x1, y1 = np.clip(np.floor(points.min(axis=0)).astype(int) - margin, 0, limits - 1)
    x2, y2 = np.clip(np.ceil(points.max(axis=0)).astype(int) + margin, (x1 + 1, y1 + 1), limits)
    moved = transform.copy()
    moved[:, 2] += transform[:, :2] @ (x1, y1)
    return image[y1:y2, x1:x2], moved


def _halved(
    image: npt.NDArray[np.uint8], transform: Transform
) -> tuple[npt.NDArray[np.uint8], Transform]:
    """Return `image` at half its size, each pixel the mean of four, and the transform from it."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    even = image[: 2 * height, : 2 * width]
    half = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
    # The first pixel's centre was between the first two.
    shift = transform[:, 2] + transform[:, :2].sum(axis=1) / 2
    return np.asarray(half, np.uint8), np.column_stack([2 * transform[:, :2], shift])


def shrink(image: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Return the square (S, S[, C]) `image` as (side, side[, C]), averaged where it shrinks.

    Halving, which averages four pixels, and then bilinear sampling of at most two pixels' distance
    takes a fifth of the time of OpenCV's INTER_AREA. The result differs by less than half a level.
    """
    while image.shape[0] >= 2 * side:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_LINEAR))
    return np.asarray(cv2.resize(image, (side,) * 2, interpolation=cv2.INTER_LINEAR), np.uint8)


def _complex(points: npt.ArrayLike) -> tuple[complex, complex]:
    (ax, ay), (bx, by) = np.asarray(points, np.float64)
    return complex(ax, ay), complex(bx, by)
