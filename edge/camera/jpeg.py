"""Decodes a camera's JPEGs, and refuses damaged ones.

libjpeg itself would print a line for each, and show the damaged image with grey or shifted blocks.
"""

from __future__ import annotations

import re
from typing import cast

import simplejpeg

from edge.camera.formats import image_size
from edge.camera.media import MAX_PIXELS
from edge.datatypes import BgrImage

_END = b"\xff\xd9"
_PADDING_BYTES = 64  # behind the image; cheap webcams leave some in every frame
_EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


def decoded(jpeg: bytes) -> BgrImage | None:
    """Return the pixels of a JPEG, uint8 (H, W, 3), None when it is damaged or too large."""
    size = image_size(jpeg)
    if size is None or size[0] * size[1] > MAX_PIXELS:
        return None
    # Some webcams leave the end marker out. Of a truncated frame more is missing than that.
    whole = jpeg if _END in jpeg[-512:] else jpeg + _END
    try:
        return _decode(whole, strict=True)
    except ValueError as exc:
        found = _EXTRANEOUS.search(str(exc))
        if found is None or int(found[1]) > _PADDING_BYTES:
            return None
    try:
        return _decode(whole, strict=False)
    except ValueError:
        return None


def _decode(jpeg: bytes, *, strict: bool) -> BgrImage:
    return cast(BgrImage, simplejpeg.decode_jpeg(jpeg, "BGR", strict=strict))
