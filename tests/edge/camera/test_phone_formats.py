"""HEIC and AVIF images: with the packages that decode them, and without."""

import io
import struct
from importlib import util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from edge.camera import phone_formats
from edge.camera.media import read_image
from edge.errors import MediaError


def encoded(kind: str) -> bytes:
    """An image of 96x64 px, its left half dark red."""
    if kind == "HEIF":
        pytest.importorskip("pillow_heif", reason="the formats extra is not installed")
        import pillow_heif

        pillow_heif.register_heif_opener()
    elif not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    rgb = np.full((64, 96, 3), 230, np.uint8)
    rgb[:, :48] = (150, 20, 30)
    into = io.BytesIO()
    Image.fromarray(rgb).save(into, kind, quality=95)
    return into.getvalue()


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_it_is_read_in_the_colours_of_opencv(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(kind))  # the content decides
    bgr = read_image(tmp_path / "a.jpg")
    assert bgr.shape == (64, 96, 3)
    assert bgr.dtype == np.uint8
    assert np.abs(bgr[:, :40].mean((0, 1)) - (30, 20, 150)).max() < 8
    assert np.abs(bgr[:, 56:].mean((0, 1)) - 230).max() < 8


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_what_is_not_whole_is_one_line(kind: str, tmp_path: Path) -> None:
    whole = encoded(kind)
    for length in (60, len(whole) // 2, len(whole) - 20):
        (tmp_path / "a").write_bytes(whole[:length])
        with pytest.raises(MediaError, match="not a whole image"):
            read_image(tmp_path / "a")


@pytest.mark.parametrize("side", [12_000, 30_000, 2**31 - 1])
def test_a_large_one_whose_size_stands_far_behind_is_one_line(side: int, tmp_path: Path) -> None:
    """Pillow would print a warning for the first, and raise an error of its own for the others."""
    content = encoded("HEIF")
    sides = (struct.pack(">II", *size) for size in ((96, 64), (64, 64)))
    for stated in sides:
        content = content.replace(
            b"ispe\0\0\0\0" + stated, b"ispe\0\0\0\0" + struct.pack(">II", side, side)
        )
    (length,) = struct.unpack_from(">I", content)
    free = struct.pack(">I", 70_008) + b"free" + bytes(70_000)
    (tmp_path / "a").write_bytes(content[:length] + free + content[length:])
    with pytest.raises(MediaError, match=f"{side}x{side} pixels; at most 100 megapixels"):
        read_image(tmp_path / "a")


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_a_large_one_is_refused_before_it_is_decoded(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(encoded(kind))
    monkeypatch.setattr(phone_formats, "decode_with_pillow", pytest.fail)
    with pytest.raises(MediaError, match=r"96x64 pixels; at most 0\.001 megapixels"):
        read_image(tmp_path / "a", max_pixels=1000)


@pytest.mark.parametrize(("name", "brand"), [("HEIC", b"heic"), ("AVIF", b"avif")])
def test_without_its_package_it_says_what_to_install(
    name: str, brand: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = util.find_spec
    missing = {"pillow_heif", "PIL"}
    monkeypatch.setattr(util, "find_spec", lambda n: None if n in missing else found(n))
    (tmp_path / "a").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(500))
    with pytest.raises(MediaError, match=rf"{name} images need a package .* `pip install pillow"):
        read_image(tmp_path / "a")
