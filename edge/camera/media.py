"""Reads images and videos from files, for the replay cameras and for `analyze`.

The content of a file decides its type. FFmpeg gets an open file, never a name: it would read
"12:30.mp4" as an address and "shot_%03d.tga" as a series of files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from edge.camera.formats import HEAD_BYTES, Size, image_format, image_size
from edge.camera.phone_formats import PHONE_FORMATS, decode_with_pillow, missing_package
from edge.camera.timing import FrameTimes
from edge.datatypes import BgrImage, Frame
from edge.errors import MediaError
from edge.files import content, opened
from edge.process.quiet import native_stderr_muted, silence_opencv

MAX_PIXELS = 100_000_000
"""The most pixels of an image or a frame: 300 MB when decoded, near the limit of most boards."""

MAX_IMAGE_BYTES = 320_000_000
"""Enough for MAX_PIXELS without any compression."""

DEFAULT_FPS = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """An open image or video.

    `descriptor` is that of a regular file. `image_format` is the format that the first bytes state,
    None for a possible video.
    """

    path: Path
    descriptor: int
    image_format: str | None

    @property
    def is_still(self) -> bool:
        """Whether it is a still image; a GIF may be animated."""
        return self.image_format not in {None, "GIF"}


@contextmanager
def open_media(path: Path, *, pipes: bool = False) -> Iterator[Media]:
    """Open an image or a video, with `pipes` also from a pipe.

    Raises MediaError when the file is missing, empty, or not a regular file.
    """
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(opened(path, pipes=pipes))
            head = os.pread(descriptor, HEAD_BYTES, 0)
        except OSError as exc:
            raise MediaError(f"{path}: cannot read the file: {exc.strerror}") from exc
        if not head:
            raise MediaError(f"{path}: the file is empty")
        kind = image_format(head, path.name)
        yield Media(path=path, descriptor=descriptor, image_format=kind)


def read_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> BgrImage:
    """Return the pixels of an image file. Raises MediaError, see `decode_image`."""
    with open_media(path) as media:
        return decode_image(media, max_pixels=max_pixels)


def decode_image(media: Media, *, max_pixels: int = MAX_PIXELS) -> BgrImage:
    """Return an image as uint8 (H, W, 3), turned upright by its EXIF orientation.

    Grey becomes BGR, transparency is dropped, 16 bits become 8, and a GIF yields its first frame.
    Raises MediaError when the image is not whole or has more than `max_pixels`.
    """
    if media.image_format == "GIF":  # OpenCV may be built without GIF
        return next(video_frames(media, max_pixels=max_pixels)).bgr
    try:
        encoded = content(media.descriptor, limit_bytes=MAX_IMAGE_BYTES)
    except OSError as exc:
        raise MediaError(f"{media.path}: cannot read the image: {exc.strerror}") from exc
    refuse_beyond = partial(_refuse_beyond, max_pixels, media.path)
    if size := image_size(encoded):
        refuse_beyond(size)
    is_phone = media.image_format in PHONE_FORMATS
    bgr = decode_with_pillow(encoded, refuse_beyond) if is_phone else _decoded(encoded)
    if bgr is None:
        raise MediaError(f"{media.path}: {_why_not(media, size)}")
    refuse_beyond((bgr.shape[1], bgr.shape[0]))
    return bgr


def _decoded(encoded: bytes) -> BgrImage | None:
    silence_opencv()
    try:
        with native_stderr_muted():
            bgr = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, MemoryError):
        return None
    return cast("BgrImage | None", bgr)


def _why_not(media: Media, size: Size | None) -> str:
    if advice := missing_package(media.image_format or ""):
        return advice
    stated = f" of {size[0]}x{size[1]} pixels" if size else ""
    return f"not a whole image{stated}; is it damaged, or another kind of file?"


def _refuse_beyond(max_pixels: int, path: Path, size: Size) -> None:
    width, height = size
    if width * height > max_pixels:
        limit = max_pixels / 1e6
        raise MediaError(
            f"{path}: {width}x{height} pixels; at most {limit:g} megapixels are read, "
            "reduce its size first"
        )


def iter_video(path: Path) -> Iterator[Frame]:
    """Yield every frame of a video in order. Raises MediaError, see `video_frames`."""
    with open_media(path) as media:
        yield from video_frames(media)


def video_frames(media: Media, *, max_pixels: int = MAX_PIXELS) -> Iterator[Frame]:
    """Yield every frame of a video in order; `captured_at_s` is its time within the video.

    The times grow from frame to frame, whatever the file states. Raises MediaError when it is not
    a video, its frames have more than `max_pixels`, or none of them can be decoded.
    """
    video = capture_of(media, max_pixels=max_pixels)
    try:
        times = FrameTimes(1 / video_fps(video))
        seq = 0
        while (bgr := next_frame(video)) is not None:
            at_s = times.next_s(float(video.get(cv2.CAP_PROP_POS_MSEC)) / 1000)
            yield Frame(bgr=bgr, seq=seq, captured_at_s=at_s)
            seq += 1
    finally:
        video.release()
    if seq == 0:
        raise MediaError(f"{media.path}: no frame of this video can be decoded; is it damaged?")


def video_frame_count(path: Path) -> int | None:
    """Return the number of frames that the video states, None when it states none."""
    video = open_video(path)
    try:
        count = float(video.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        video.release()
    return int(count) if 1 <= count < 2**31 else None


def open_video(path: Path) -> cv2.VideoCapture:
    """Open a video file. Raises MediaError when it is missing or not a video."""
    with open_media(path) as media:
        return capture_of(media)


def capture_of(media: Media, *, max_pixels: int = MAX_PIXELS) -> cv2.VideoCapture:
    """Return a capture of an open file, which it opens again. Raises MediaError for no video."""
    silence_opencv()
    # FFmpeg by name: OpenCV would otherwise try each of its readers.
    video = cv2.VideoCapture(f"/proc/self/fd/{media.descriptor}", cv2.CAP_FFMPEG)
    if not video.isOpened():
        video.release()
        raise MediaError(
            f"{media.path}: not a video that can be read, and not an image; is it damaged?"
        )
    try:
        width, height = video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)
        _refuse_beyond(max_pixels, media.path, (int(width), int(height)))
    except MediaError:
        video.release()
        raise
    return video


def video_fps(video: cv2.VideoCapture) -> float:
    """Return the video's frames per second, DEFAULT_FPS when the stated rate is impossible."""
    fps = float(video.get(cv2.CAP_PROP_FPS))
    return fps if 0.1 <= fps <= 1000 else DEFAULT_FPS


def next_frame(video: cv2.VideoCapture) -> BgrImage | None:
    """Return the next frame, uint8 (H, W, 3), or None when no further frame can be decoded."""
    try:
        ok, bgr = video.read()
    except cv2.error:
        return None
    return cast(BgrImage, bgr) if ok else None


def skip_frame(video: cv2.VideoCapture) -> bool:
    """Skip the next frame; False when no further frame can be decoded."""
    try:
        return bool(video.grab())
    except cv2.error:
        return False
