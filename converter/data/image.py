"""Converts an image of any dataset to the form of FER2013: 48x48, grey."""

from __future__ import annotations

import io
import warnings
from math import isqrt
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from converter.data.faces import Images

SIDE_PX = 48
SMALLEST_PX = 8
DEEPEST = 65535
"""Of the greys that a file of 16 bits a pixel can hold."""


def image_of_file(path: Path) -> Images:
    """Return uint8 (48, 48) of an image file of any size and colours.

    Raises ValueError, with the reason, when it is not a whole image.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an image of an implausible size
            # Unlike OpenCV, Pillow refuses a truncated file.
            with Image.open(io.BytesIO(path.read_bytes())) as image:
                return _sized(_grey(image))
    except Exception as exc:  # Pillow's decoders raise any exception
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        if isinstance(exc, UnidentifiedImageError):
            reason = "not an image"
        raise ValueError(" ".join(reason.split())) from exc


def _grey(image: Image.Image) -> Images:
    """Return uint8 (H, W). Pillow's own conversion clips 16-bit greys at 255."""
    if not image.mode.startswith(("I", "F")):
        return np.asarray(image.convert("L"))
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > DEEPEST:
        raise ValueError("its greys are neither of 8 nor of 16 bits")
    return (values // 257).astype(np.uint8)


def image_of_text(pixels: str) -> Images:
    """Return uint8 (48, 48) of a square image's grey values, row by row, between spaces.

    Raises ValueError, with the reason, for other values.
    """
    try:
        values = bytes(map(int, pixels.split()))
    except ValueError as exc:
        raise ValueError("a pixel is not a whole number from 0 to 255") from exc
    side = isqrt(len(values))
    if side * side != len(values):
        raise ValueError(f"{len(values)} pixels do not make a square, expected {SIDE_PX * SIDE_PX}")
    return _sized(np.frombuffer(values, np.uint8).reshape(side, side))


def _sized(image: Images) -> Images:
    """Return the image at 48x48, averaging areas where it shrinks."""
    if min(image.shape) < SMALLEST_PX:
        raise ValueError(f"it is only {image.shape[1]}x{image.shape[0]}")
    if image.shape == (SIDE_PX, SIDE_PX):
        return image
    method = cv2.INTER_AREA if min(image.shape) > SIDE_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (SIDE_PX, SIDE_PX), interpolation=method), np.uint8)
