"""The format of a file by its first bytes, and the size that an image states. No decoding.

The numbers are from the formats' own specifications; file(1) and Pillow use the same.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

HEAD_BYTES = 32
"""How many bytes of a file `image_format` needs."""

Size = tuple[int, int]
"""(width, height) in pixels."""

_SIGNATURES = (
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("BMP", re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)),
    ("TIFF", re.compile(rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]")),
    ("JPEG 2000", re.compile(rb"\0\0\0\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51")),
    ("PNM", re.compile(rb"P[1-6]\s+[#\d]|P7\nWIDTH|P[Ff]\n\d")),
    ("AVIF", re.compile(rb".{4}ftypavi[fs]", re.DOTALL)),
    ("HEIC", re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)),
)

# A stream of JPEG images begins like a single image: only the name tells them apart.
_JPEG_STREAMS = {".mjpg", ".mjpeg"}


def image_format(head: bytes, name: str = "") -> str | None:
    """Return the format's name of an image that begins with `head`, None for an unknown one."""
    for format_name, signature in _SIGNATURES:
        if signature.match(head):
            stream = format_name == "JPEG" and Path(name).suffix.lower() in _JPEG_STREAMS
            return None if stream else format_name
    return None


def image_size(content: bytes) -> Size | None:
    """Return the size that an image's header states, None where it states none.

    It serves to refuse an image before it is decoded, so EXIF orientation is not applied.
    """
    read = _READERS.get(image_format(content[:HEAD_BYTES]) or "")
    try:
        return read(content) if read else None
    except (struct.error, IndexError, ValueError):
        return None  # too short or damaged, which the decoder reports


def _jpeg(content: bytes) -> Size | None:
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        at += 2 + max(2, int.from_bytes(content[at + 2 : at + 4], "big"))
    return None


def _tiff(content: bytes) -> Size | None:
    order = "<" if content[:1] == b"I" else ">"
    if content[2:4] in (b"+\0", b"\0+"):
        return None  # BigTIFF
    (at,) = struct.unpack_from(f"{order}I", content, 4)
    (entries,) = struct.unpack_from(f"{order}H", content, at)
    sides = {}
    for entry in range(at + 2, at + 2 + 12 * entries, 12):
        tag, kind, _, value = struct.unpack_from(f"{order}HHII", content, entry)
        if kind == 3:  # a short number stands in the field's first two bytes
            (value,) = struct.unpack_from(f"{order}H", content, entry + 8)
        sides[tag] = value
    return (sides[256], sides[257]) if {256, 257} <= sides.keys() else None


def _webp(content: bytes) -> Size | None:
    match content[12:16]:
        case b"VP8X":
            width, height = content[24:27], content[27:30]
            return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", content, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", content, 26)
            return width & 0x3FFF, height & 0x3FFF
    return None


def _bmp(content: bytes) -> Size:
    if content[14] == 12:  # OS/2's short header
        width, height = struct.unpack_from("<HH", content, 18)
        return width, height
    width, height = struct.unpack_from("<ii", content, 18)
    return abs(width), abs(height)  # a negative height: the image is stored top down


def _jpeg_2000(content: bytes) -> Size | None:
    found = re.search(rb"ihdr(.{4})(.{4})", content[:4096], re.DOTALL)
    if found:
        return int.from_bytes(found[2], "big"), int.from_bytes(found[1], "big")
    found = re.match(rb"\xff\x4f\xff\x51.{4}(.{4})(.{4})(.{4})(.{4})", content, re.DOTALL)
    if found is None:
        return None
    right, bottom, left, top = (int.from_bytes(found[k], "big") for k in range(1, 5))
    return right - left, bottom - top


def _pnm(content: bytes) -> Size | None:
    if content[:2] == b"P7":
        sides = dict(re.findall(rb"(WIDTH|HEIGHT)\s+(\d{1,9})", content[:1024]))
        return (int(sides[b"WIDTH"]), int(sides[b"HEIGHT"])) if len(sides) == 2 else None
    gap = rb"(?:\s|#[^\n]*\n)+"
    found = re.match(rb"P." + gap + rb"(\d{1,9})" + gap + rb"(\d{1,9})", content[:4096])
    return (int(found[1]), int(found[2])) if found else None


def _heif(content: bytes) -> Size | None:
    """Return the largest extent of any image in the file; a tiled image's own is among them."""
    extents = re.findall(rb"ispe\0{4}(.{4})(.{4})", content[:65536], re.DOTALL)
    sizes = [(int.from_bytes(w, "big"), int.from_bytes(h, "big")) for w, h in extents]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _two(layout: str, at: int) -> Callable[[bytes], Size]:
    def read(content: bytes) -> Size:
        width, height = struct.unpack_from(layout, content, at)
        return width, height

    return read


_READERS: dict[str, Callable[[bytes], Size | None]] = {
    "JPEG": _jpeg,
    "PNG": _two(">II", 16),
    "GIF": _two("<HH", 6),
    "WebP": _webp,
    "BMP": _bmp,
    "TIFF": _tiff,
    "JPEG 2000": _jpeg_2000,
    "PNM": _pnm,
    "AVIF": _heif,
    "HEIC": _heif,
}
