"""A video that ffmpeg encodes from drawn frames, with the sound of the original."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from edge.camera.media import open_video, video_fps
from edge.datatypes import BgrImage
from edge.errors import MediaError, OutputError, PackageMissing

_ENCODED_AS = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"),
    *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"),  # yuv420p halves both sides
    *("-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart", "-f", "mp4"),
)


class AnnotatedVideo:
    """Takes drawn frames with their times; a frame is shown until the next one's time.

    The rate is constant, the original's: frames are repeated or left out where its times are not,
    so that the sound stays in step.
    """

    def __init__(self, source: Path, path: Path, size: tuple[int, int]) -> None:
        """Start ffmpeg for frames of (width, height) `size`.

        Raises PackageMissing without ffmpeg, MediaError for a source that is no file.
        """
        if not source.is_file():
            raise MediaError(f"{source}: a video from a pipe is not annotated; save it as a file")
        self._path = path
        self._size = size
        self._fps = _rate(source)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        try:
            self._ffmpeg = subprocess.Popen(  # noqa: S603 (no shell; names are given as file:)
                self._command(_find_ffmpeg(), source),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
            )
        except BaseException:
            self._errors.close()
            raise
        self._written = 0
        self._shown: BgrImage | None = None

    def __enter__(self) -> Self:
        """Return the video, which must be left to end ffmpeg."""
        return self

    def add(self, bgr: BgrImage, at_s: float) -> None:
        """Show uint8 (H, W, 3) from `at_s` on. Raises OutputError."""
        if (bgr.shape[1], bgr.shape[0]) != self._size:  # some videos change it
            bgr = cv2.resize(bgr, self._size)  # type: ignore[assignment] # stubs know no uint8
        self._write(before=round(at_s * self._fps), first=bgr)
        self._shown = bgr

    def _write(self, *, before: int, first: BgrImage | None = None) -> None:
        """Write the shown frame, at the beginning `first`, until `before` frames are written."""
        shown = first if self._shown is None else self._shown
        pipe = self._ffmpeg.stdin
        if shown is None or pipe is None:
            return
        try:
            while self._written < before:
                pipe.write(shown.tobytes())
                self._written += 1
        except OSError as exc:
            raise OutputError(f"ffmpeg: {self._complaint()}") from exc

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write the last frame and wait for ffmpeg; after an error, end it."""
        try:
            if exc is None:
                self._write(before=self._written + 1)
                self._finish()
        finally:
            self._ffmpeg.kill()
            self._ffmpeg.wait()
            if self._ffmpeg.stdin:
                self._ffmpeg.stdin.close()
            self._errors.close()

    def _finish(self) -> None:
        try:
            if self._ffmpeg.stdin:
                self._ffmpeg.stdin.close()
        except BrokenPipeError:
            pass  # its exit code says so
        if self._ffmpeg.wait():
            raise OutputError(f"ffmpeg: {self._complaint()}")

    def _complaint(self) -> str:
        """Return ffmpeg's last line."""
        self._ffmpeg.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with exit code {self._ffmpeg.returncode}"

    def _command(self, program: str, source: Path) -> list[str]:
        width, height = self._size
        frames = ("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}")
        return [
            *(program, "-nostdin", "-v", "error", "-y"),
            *(*frames, "-r", f"{self._fps:.6g}", "-i", "pipe:0"),
            *("-protocol_whitelist", "file", "-i", f"file:{source}"),
            *("-map", "0:v", "-map", "1:a?", *_ENCODED_AS, f"file:{self._path}"),
        ]


def _rate(source: Path) -> float:
    video = open_video(source)
    try:
        return video_fps(video)
    finally:
        video.release()


def _find_ffmpeg() -> str:
    if path := shutil.which("ffmpeg"):
        return path
    raise PackageMissing(
        "--annotate needs ffmpeg for videos; install it with `sudo apt install ffmpeg`"
    )
