"""What a file is and how large it says it is, told by its first bytes alone."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from edge.camera.formats import image_format, image_size
from edge.camera.media import read_image
from edge.errors import MediaError

SIZE = (70, 45)

VARIANTS = {
    "JPEG": ("JPEG", "RGB", {}),
    "grey JPEG": ("JPEG", "L", {}),
    "progressive JPEG": ("JPEG", "RGB", {"progressive": True, "comment": b"c" * 999}),
    "PNG": ("PNG", "RGBA", {}),
    "GIF": ("GIF", "P", {}),
    "WebP": ("WEBP", "RGB", {}),
    "lossless WebP": ("WEBP", "RGB", {"lossless": True}),
    "WebP with alpha": ("WEBP", "RGBA", {}),
    "BMP": ("BMP", "RGB", {}),
    "TIFF": ("TIFF", "RGB", {}),
    "big-endian TIFF": ("TIFF", "I;16B", {}),
    "JPEG 2000": ("JPEG2000", "RGB", {}),
    "JPEG 2000 codestream": ("JPEG2000", "RGB", {"no_jp2": True}),
    "PNM": ("PPM", "RGB", {}),
    "grey PNM": ("PPM", "L", {}),
    "AVIF": ("AVIF", "RGB", {}),
}


def encoded(variant: str) -> bytes:
    kind, mode, options = VARIANTS[variant]
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    image = Image.new(mode, SIZE)
    into = io.BytesIO()
    image.save(into, kind, **options)
    return into.getvalue()


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_header_tells_format_and_size(variant: str) -> None:
    content = encoded(variant)
    name = image_format(content[:32])
    assert name is not None
    assert name in variant
    assert image_size(content) == SIZE


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_damaged_header_is_no_error(variant: str) -> None:
    content, rng = encoded(variant), np.random.default_rng(0)
    for length in range(min(len(content), 200)):
        image_size(content[:length])
    for _ in range(300):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[rng.integers(min(damaged.size, 200), size=3)] = rng.integers(256, size=3)
        image_size(damaged.tobytes())


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b"BM says hello to everybody here", b"P5 is a name", b"RIFF1234AVI LIST"),
        *(b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", b"\x1aE\xdf\xa3", b"GIF", b"#EXTM3U\n"),
    ],
)
def test_what_is_no_picture_is_not_taken_for_one(head: bytes) -> None:
    assert image_format(head) is None
    assert image_size(head) is None


def huge(variant: str) -> bytes:
    """A small file that says it is 60000 by 50000 pixels."""
    old, new = HUGE[variant]
    assert old in encoded(variant)
    return encoded(variant).replace(old, new, 1)


HUGE = {
    "JPEG": (struct.pack(">HH", 45, 70), struct.pack(">HH", 50000, 60000)),
    "PNG": (struct.pack(">II", 70, 45), struct.pack(">II", 60000, 50000)),
    "BMP": (struct.pack("<ii", 70, 45), struct.pack("<ii", 60000, 50000)),
    "PNM": (b"70 45", b"60000 50000"),
}


@pytest.mark.parametrize("variant", HUGE)
def test_a_bomb_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str
) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("cv2.imdecode", decode)
    (tmp_path / "bomb.jpg").write_bytes(huge(variant))
    with pytest.raises(MediaError, match=r"60000x50000 pixels; at most 100 megapixels are read"):
        read_image(tmp_path / "bomb.jpg")
