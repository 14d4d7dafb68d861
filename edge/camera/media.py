"""Reading pictures and videos from files, for the replay cameras and for `analyze`.

What a file is, its content says. FFmpeg is handed an open file, never a name: it would take
"12:30.mp4" for an address and "shot_%03d.tga" for a row of files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from edge.camera.formats import HEAD_BYTES, Size, picture_format, picture_size
from edge.camera.timing import FrameTimes
from edge.datatypes import BgrImage, Frame
from edge.errors import MediaError
from edge.files import content, opened
from edge.process.quiet import native_stderr_muted, silence_opencv

MAX_PIXELS = 100_000_000
"""Of a picture or a frame: 300 MB when decoded, which most boards can just hold."""

MAX_PICTURE_BYTES = 320_000_000
"""Enough for MAX_PIXELS without any compression."""

DEFAULT_FPS = 25.0

# FFmpeg knows them too, but gives one tile of such a picture for all of it.
_RARELY_READ = {
    "HEIC": "HEIC pictures cannot be read here; convert it to JPEG first",
    "AVIF": "not a whole picture, or one that OpenCV here does not read; convert it to JPEG first",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """An open picture or video.

    `path` is its name, `descriptor` that of a regular file, `picture_format` what its first bytes
    say, None for what may be a video.
    """

    path: Path
    descriptor: int
    picture_format: str | None

    @property
    def is_still(self) -> bool:
        """Whether it is a picture without movement; a GIF may have some."""
        return self.picture_format not in {None, "GIF"}


@contextmanager
def open_media(path: Path, *, pipes: bool = False) -> Iterator[Media]:
    """Open a picture or a video, with `pipes` also one that comes through a pipe.

    Raises MediaError when there is no such file, it is empty, or not a file at all.
    """
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(opened(path, pipes=pipes))
            head = os.pread(descriptor, HEAD_BYTES, 0)
        except OSError as exc:
            raise MediaError(f"{path}: cannot read the file: {exc.strerror}") from exc
        if not head:
            raise MediaError(f"{path}: the file is empty")
        kind = picture_format(head, path.name)
        yield Media(path=path, descriptor=descriptor, picture_format=kind)


def read_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> BgrImage:
    """Return a picture's pixels. Raises MediaError, see `decode_image`."""
    with open_media(path) as media:
        return decode_image(media, max_pixels=max_pixels)


def decode_image(media: Media, *, max_pixels: int = MAX_PIXELS) -> BgrImage:
    """Return a picture as uint8 (H, W, 3), turned upright as its EXIF orientation says.

    Grey becomes BGR, transparency is dropped, 16 bits become 8, and of a GIF the first picture is
    taken. Raises MediaError when it is not a whole picture or has more than `max_pixels`.
    """
    if media.picture_format == "GIF":  # OpenCV may be built without
        return next(video_frames(media, max_pixels=max_pixels)).bgr
    try:
        encoded = content(media.descriptor, limit_bytes=MAX_PICTURE_BYTES)
    except OSError as exc:
        raise MediaError(f"{media.path}: cannot read the picture: {exc.strerror}") from exc
    if size := picture_size(encoded):
        _refuse_beyond(max_pixels, size, media.path)
    bgr = _decoded(encoded)
    if bgr is None:
        raise MediaError(f"{media.path}: {_why_not(media, size)}")
    _refuse_beyond(max_pixels, (bgr.shape[1], bgr.shape[0]), media.path)
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
    if told := _RARELY_READ.get(media.picture_format or ""):
        return told
    stated = f" of {size[0]}x{size[1]} pixels" if size else ""
    return f"not a whole picture{stated}; is it damaged, or not an image?"


def _refuse_beyond(max_pixels: int, size: Size, path: Path) -> None:
    width, height = size
    if width * height > max_pixels:
        limit = max_pixels / 1e6
        raise MediaError(
            f"{path}: {width}x{height} pixels; at most {limit:g} megapixels are read, "
            "make it smaller first"
        )


def iter_video(path: Path) -> Iterator[Frame]:
    """Yield every frame of a video in order. Raises MediaError, see `video_frames`."""
    with open_media(path) as media:
        yield from video_frames(media)


def video_frames(media: Media, *, max_pixels: int = MAX_PIXELS) -> Iterator[Frame]:
    """Yield every frame of a video in order; `captured_at_s` is its time within the video.

    The times grow from frame to frame, whatever the file says. Raises MediaError when it is not
    a video, its frames have more than `max_pixels`, or none of them can be decoded.
    """
    video = capture_of(media, max_pixels=max_pixels)
    try:
        times = FrameTimes(1 / video_fps(video))
        seq = 0
        while (bgr := next_picture(video)) is not None:
            at_s = times.next_s(float(video.get(cv2.CAP_PROP_POS_MSEC)) / 1000)
            yield Frame(bgr=bgr, seq=seq, captured_at_s=at_s)
            seq += 1
    finally:
        video.release()
    if seq == 0:
        raise MediaError(f"{media.path}: no frame of this video can be decoded; is it damaged?")


def video_frame_count(path: Path) -> int | None:
    """Return how many frames the video says it has, None when it does not say."""
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
    """Return a capture of an open file, which it opens anew. Raises MediaError for no video."""
    silence_opencv()
    # FFmpeg by name: OpenCV would otherwise ask each of its readers.
    video = cv2.VideoCapture(f"/proc/self/fd/{media.descriptor}", cv2.CAP_FFMPEG)
    if not video.isOpened():
        video.release()
        raise MediaError(
            f"{media.path}: not a video that can be read, nor a picture; is it damaged?"
        )
    try:
        width, height = video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)
        _refuse_beyond(max_pixels, (int(width), int(height)), media.path)
    except MediaError:
        video.release()
        raise
    return video


def video_fps(video: cv2.VideoCapture) -> float:
    """Return the video's frames per second, DEFAULT_FPS when what it says cannot be."""
    fps = float(video.get(cv2.CAP_PROP_FPS))
    return fps if 0.1 <= fps <= 1000 else DEFAULT_FPS


def next_picture(video: cv2.VideoCapture) -> BgrImage | None:
    """Return the next frame, uint8 (H, W, 3), or None at the end of what can be decoded."""
    try:
        ok, bgr = video.read()
    except cv2.error:
        return None
    return cast(BgrImage, bgr) if ok else None


def grab_picture(video: cv2.VideoCapture) -> bool:
    """Pass over the next frame; False at the end of what can be decoded."""
    try:
        return bool(video.grab())
    except cv2.error:
        return False
