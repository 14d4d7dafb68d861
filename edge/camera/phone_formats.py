"""Decodes HEIC and AVIF images with Pillow, where the extra `formats` is installed.

OpenCV is mostly built without them, and FFmpeg returns one tile in place of the whole image.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import util

import numpy as np

from edge.camera.formats import Size
from edge.datatypes import BgrImage
from edge.errors import MediaError

PHONE_FORMATS = {"HEIC": "pillow_heif", "AVIF": "PIL"}
"""The image formats, and the package that decodes each."""


_PILLOW_NAMES = ("HEIF", "AVIF")


def missing_package(image_format: str) -> str:
    """Return what to install for an image of the format, "" when nothing is missing."""
    package = PHONE_FORMATS.get(image_format)
    if package is None or util.find_spec(package):
        return ""
    return (
        f"{image_format} images need a package that is not installed: run "
        "`pip install pillow-heif 'pillow>=11.3'`, or convert it to JPEG first"
    )


def decode_with_pillow(encoded: bytes, refuse_beyond: Callable[[Size], None]) -> BgrImage | None:
    """Return an image as uint8 (H, W, 3), upright; None when it is not whole or not supported.

    `refuse_beyond` raises MediaError for too large an image, before it is decoded: a header may
    state its size where `image_size` does not look.
    """
    try:
        from PIL import Image, ImageOps  # noqa: PLC0415 (optional)

        if util.find_spec("pillow_heif"):
            import pillow_heif  # noqa: PLC0415 (optional)

            pillow_heif.register_heif_opener()
        Image.init()
        Image.MAX_IMAGE_PIXELS = None  # it would print a warning, or raise an error of its own
        known = [name for name in _PILLOW_NAMES if name in Image.OPEN]
        with Image.open(io.BytesIO(encoded), formats=known) as image:
            refuse_beyond(image.size)
            rgb = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except MediaError:
        raise
    except Exception:  # Pillow lists no errors for damaged files; struct.error is one
        return None
    return np.ascontiguousarray(rgb[..., ::-1])
