"""Damaged images, videos and streams: read, or refused in one line; never a crash or gigabytes."""

import importlib.util
import io
import shutil
import struct
import subprocess
import zlib
from itertools import islice
from pathlib import Path

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import damaged
from refused import refusal_of

from edge.camera.demo.scene import DemoScene
from edge.camera.formats import image_size
from edge.camera.jpeg import decoded
from edge.camera.media import iter_video, read_image, video_frame_count
from edge.camera.mjpeg import MOST_JPEG_BYTES, JpegParts
from edge.errors import CameraError, MediaError

IMAGE = cv2.resize(DemoScene().render(1.0), (96, 64))
HEAD = 120
BY_OPENCV = (".jpg", ".png", ".webp", ".bmp", ".tiff", ".ppm", ".jp2")
BY_FFMPEG = {".gif": (), ".mp4": ("-c:v", "mpeg4"), ".avi": ("-c:v", "mjpeg"), ".mkv": ()}


def encoded_by_opencv(suffix: str) -> bytes:
    done, content = cv2.imencode(suffix, IMAGE)
    assert done
    return content.tobytes()


def encoded_by_pillow(suffix: str) -> bytes:
    """Return a phone's image, with an orientation in its EXIF."""
    from PIL import Image

    if suffix == ".heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    image = Image.fromarray(IMAGE[..., ::-1])
    exif = Image.Exif()
    exif[274] = 6
    file = io.BytesIO()
    image.save(file, "HEIF" if suffix == ".heic" else "AVIF", exif=exif)
    return file.getvalue()


def encoded_by_ffmpeg(suffix: str, folder: Path) -> bytes:
    path = folder / f"video{suffix}"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=96x64:rate=10"]
    subprocess.run([*command, "-t", "0.5", *BY_FFMPEG[suffix], "-y", path], check=True)
    return path.read_bytes()


WHOLE = {suffix: encoded_by_opencv(suffix) for suffix in BY_OPENCV}
PHONE = (".heic", ".avif") if importlib.util.find_spec("pillow_heif") else ()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


def read(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refusal_of(MediaError, lambda: read_image(path))


def watch(path: Path) -> None:
    video_frame_count(path)
    for frame in islice(iter_video(path), 100):
        assert frame.bgr.ndim == 3


@pytest.mark.parametrize("suffix", BY_OPENCV)
def test_a_damaged_image(folder: Path, suffix: str) -> None:
    @given(damaged(WHOLE[suffix], head=HEAD))
    def check(content: bytes) -> None:
        read(folder / f"image{suffix}", content)

    check()


@pytest.mark.parametrize("suffix", PHONE)
def test_a_damaged_image_of_a_phone(folder: Path, suffix: str) -> None:
    @given(damaged(encoded_by_pillow(suffix), head=1000))
    def check(content: bytes) -> None:
        read(folder / f"image{suffix}", content)

    check()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("suffix", sorted(BY_FFMPEG))
def test_a_damaged_video(folder: Path, suffix: str) -> None:
    whole = encoded_by_ffmpeg(suffix, folder)

    @settings(max_examples=max(settings().max_examples // 2, 4))
    @given(damaged(whole, head=400))
    def check(content: bytes) -> None:
        path = folder / f"damaged{suffix}"
        path.write_bytes(content)
        refusal_of(MediaError, lambda: watch(path))

    check()


@given(damaged(WHOLE[".jpg"], head=HEAD))
def test_a_damaged_frame_of_a_camera(content: bytes) -> None:
    bgr = decoded(content)
    assert bgr is None or bgr.ndim == 3


@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=200), st.integers(0, 40))
def test_any_header_states_a_size_or_none(suffix: str, tail: bytes, kept: int) -> None:
    size = image_size(WHOLE[suffix][:kept] + tail)
    assert size is None or all(isinstance(side, int) for side in size)


stream = st.lists(
    st.sampled_from(
        (
            *(b"--cut", b"cut", b"\r\n", b"\n\n", b"\r\n\r\n", b"Content-Length: 5", WHOLE[".jpg"]),
            *(b"Content-Length: -1", b"Content-Length: 999999999", b"Content-Length:", b"-"),
        )
    )
    | st.binary(max_size=100),
    max_size=30,
).map(b"".join)


@given(stream, st.integers(1, 2000))
def test_any_stream_of_a_camera_gives_the_same_frames_in_any_pieces(
    sent: bytes, piece: int
) -> None:
    assert frames_of(sent, piece) == frames_of(sent, len(sent) or 1)


def frames_of(sent: bytes, piece: int) -> list[bytes] | str:
    parts, frames = JpegParts("--cut"), []
    try:
        for at in range(0, len(sent), piece):
            frames += parts.feed(sent[at : at + piece])
            assert len(parts._buffer) <= MOST_JPEG_BYTES
    except CameraError as exc:
        return str(exc)
    return frames


def png(width: int, height: int) -> bytes:
    """Return a whole, valid image of zeros, which compress a thousandfold."""
    packer = zlib.compressobj(1)
    row = bytes(width // 8 + 2)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("size", [(20_000, 20_000), (2**31 - 1, 1), (1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_is_decoded(folder: Path, size: tuple[int, int]) -> None:
    content = png(*size) if max(size) < 10**6 else png(8, 8)[:16] + struct.pack(">II", *size)
    (folder / "bomb.png").write_bytes(content)
    with pytest.raises(MediaError, match="megapixels are read"):
        read_image(folder / "bomb.png")
