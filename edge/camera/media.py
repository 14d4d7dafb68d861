"""Reading pictures and videos from files, for the replay cameras and for `analyze`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from edge.datatypes import BgrImage, Frame
from edge.errors import MediaError
from edge.quiet import native_stderr_muted, silence_opencv

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
MAX_PIXELS = 100_000_000
"""Larger than any camera's picture; beyond this a file is damaged or hostile."""

DEFAULT_FPS = 25.0


def list_images(folder: Path) -> list[Path]:
    """Return the pictures in a folder and the folders below it, sorted by path.

    Known by their suffix; hidden files and folders are left out. Raises MediaError when the
    folder cannot be read or holds none.
    """
    if not folder.is_dir():
        raise MediaError(f"{folder}: no such folder; give one that holds pictures")
    try:
        images = sorted(path for path in folder.rglob("*") if _is_image(path, folder))
    except OSError as exc:
        raise MediaError(f"{folder}: cannot list the folder: {exc.strerror}") from exc
    if not images:
        known = ", ".join(sorted(IMAGE_SUFFIXES))
        raise MediaError(f"{folder}: no pictures in this folder; looked for {known}")
    return images


def _is_image(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def read_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> BgrImage:
    """Return a picture as uint8 (H, W, 3), turned upright as its EXIF orientation says.

    Grey becomes BGR, transparency is dropped, 16 bits become 8. Raises MediaError when the file
    cannot be read, is not a whole picture, or has more than `max_pixels`.
    """
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as exc:
        raise MediaError(f"{path}: cannot read the picture: {exc.strerror}") from exc
    if content.size == 0:
        raise MediaError(f"{path}: the file is empty")
    silence_opencv()
    try:
        with native_stderr_muted():
            bgr = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except (cv2.error, MemoryError) as exc:
        raise MediaError(f"{path}: a picture too large or too damaged to decode") from exc
    if bgr is None:
        raise MediaError(f"{path}: not a whole picture; is it damaged, or not an image?")
    height, width = bgr.shape[:2]
    if height * width > max_pixels:
        limit = max_pixels / 1e6
        raise MediaError(f"{path}: {width}x{height} pixels; at most {limit:g} megapixels are read")
    return cast(BgrImage, bgr)


def iter_video(path: Path) -> Iterator[Frame]:
    """Yield every frame of a video in order; `captured_at_s` is its time within the video.

    Raises MediaError when there is no such video or nothing in it can be decoded.
    """
    video = open_video(path)
    try:
        step_s = 1 / video_fps(video)
        seq = 0
        while (bgr := next_picture(video)) is not None:
            # Some containers give no times, and say 0 for each frame.
            at_s = video.get(cv2.CAP_PROP_POS_MSEC) / 1000 or seq * step_s
            yield Frame(bgr=bgr, seq=seq, captured_at_s=at_s)
            seq += 1
    finally:
        video.release()
    if seq == 0:
        raise MediaError(f"{path}: no frame of this video can be decoded; is it damaged?")


def video_frame_count(path: Path) -> int | None:
    """Return how many frames the video says it has, None when it does not say."""
    video = open_video(path)
    try:
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    finally:
        video.release()
    return count if count > 0 else None


def open_video(path: Path) -> cv2.VideoCapture:
    """Open a video file. Raises MediaError when it is missing or not a video."""
    if not path.is_file():
        raise MediaError(f"{path}: no such video")
    silence_opencv()
    # FFmpeg by name: OpenCV would otherwise take "shot_001.png" for the first of many pictures.
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not video.isOpened():
        video.release()
        raise MediaError(f"{path}: not a video that can be read; is it damaged?")
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
