"""Files in place of a camera: a video or a folder of images, in real time, in a loop."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from edge.camera.folders import list_images
from edge.camera.media import next_frame, open_video, read_image, skip_frame, video_fps
from edge.datatypes import BgrImage, Frame
from edge.errors import CameraError, CameraStalled, MediaError

_log = logging.getLogger(__name__)

LONGEST_SKIP_S = 1.0
"""The most video time to skip at once: skipping decodes too and delays a late reader further."""


class Pace:
    """When the frames of a source are due: one every `1 / fps` seconds from the first call."""

    def __init__(self, fps: float) -> None:
        self._step_s = 1 / fps
        self._due_s: float | None = None
        self._closed = threading.Event()

    def wait(self, timeout_s: float, name: str) -> int:
        """Wait for the next frame's time; return how many frames came due, 1 or more.

        A reader that is late by more than LONGEST_SKIP_S continues nearly where it was. Raises
        CameraStalled when the wait is longer than `timeout_s`, CameraError once closed.
        """
        now_s = time.monotonic()
        due_s = now_s if self._due_s is None else self._due_s
        self._closed.wait(min(max(due_s - now_s, 0), timeout_s))
        self.require_open(name)
        if due_s - now_s > timeout_s:
            raise CameraStalled(f"{name}: the next frame is due later than {timeout_s:g} s")
        late_s = max(time.monotonic() - due_s, 0)
        if late_s > LONGEST_SKIP_S:
            due_s += late_s - LONGEST_SKIP_S
            late_s = LONGEST_SKIP_S
        frames = int(late_s / self._step_s) + 1
        self._due_s = due_s + frames * self._step_s
        return frames

    def require_open(self, name: str) -> None:
        """Raise CameraError once closed."""
        if self._closed.is_set():
            raise CameraError(f"{name}: closed")

    def close(self) -> None:
        """End a pending wait and refuse later ones."""
        self._closed.set()


class VideoReplay:
    """FrameSource of a video file: loops, in real time; a slow reader misses frames."""

    def __init__(self, path: Path) -> None:
        """Open the video. Raises MediaError when it is missing or none of it can be decoded."""
        self.name = f"video {path.name}"
        self._path = path
        self._lock = threading.Lock()
        self._video = open_video(path)
        self._first = next_frame(self._video)
        if self._first is None:
            self._video.release()
            raise MediaError(f"{path}: no frame of this video can be decoded; is it damaged?")
        self._pace = Pace(video_fps(self._video))
        self._seq = -1

    def read(self, timeout_s: float) -> Frame:
        """Return the frame that is due now. See FrameSource."""
        due = self._pace.wait(timeout_s, self.name)
        with self._lock:
            self._pace.require_open(self.name)
            bgr = self._advance(due)
        self._seq += due
        return Frame(bgr=bgr, seq=self._seq, captured_at_s=time.monotonic())

    def _advance(self, frames: int) -> BgrImage:
        """Decode the next frame after skipping `frames - 1`; start over at the end."""
        if self._first is not None:
            bgr, self._first = self._first, None
            return bgr
        for _ in range(frames - 1):
            if not skip_frame(self._video):
                break
        bgr_or_end = next_frame(self._video)
        return self._restart() if bgr_or_end is None else bgr_or_end

    def _restart(self) -> BgrImage:
        # Reopening, since seeking to frame 0 fails for containers without an index.
        self._video.release()
        try:
            self._video = open_video(self._path)
            bgr = next_frame(self._video)
        except MediaError as exc:
            raise CameraError(str(exc)) from exc
        if bgr is None:
            raise CameraError(f"{self._path}: the video can no longer be decoded")
        return bgr

    def close(self) -> None:
        """Release the file. See FrameSource."""
        self._pace.close()
        with self._lock:
            self._video.release()


class ImageReplay:
    """FrameSource of a folder of images: each for a while, sorted by path, in a loop."""

    FPS = 10.0
    """How many times a second the current image is delivered, as by a live camera."""

    def __init__(self, folder: Path, seconds_each: float = 1.0) -> None:
        """Read the first image. Raises MediaError when no image can be read."""
        self.name = f"images in {folder.name or folder}"
        self._folder = folder
        self._paths = list_images(folder)
        self._frames_each = max(1, round(seconds_each * self.FPS))
        self._pace = Pace(self.FPS)
        self._seq = -1
        self._turn = 0
        self._shown = self._readable_from_turn()

    def read(self, timeout_s: float) -> Frame:
        """Return the current image. See FrameSource."""
        before = max(self._seq, 0) // self._frames_each
        self._seq += self._pace.wait(timeout_s, self.name)
        turns = self._seq // self._frames_each - before
        if turns:
            self._turn += turns
            try:
                self._shown = self._readable_from_turn()
            except MediaError as exc:
                raise CameraError(str(exc)) from exc
        return Frame(bgr=self._shown, seq=self._seq, captured_at_s=time.monotonic())

    def _readable_from_turn(self) -> BgrImage:
        """Return the current image; drop unreadable ones with a warning."""
        while self._paths:
            self._turn %= len(self._paths)
            try:
                return read_image(self._paths[self._turn])
            except MediaError as exc:
                _log.warning("skipped: %s", exc)
                del self._paths[self._turn]
        raise MediaError(f"{self._folder}: none of its images can be read")

    def close(self) -> None:
        """End a pending read. See FrameSource."""
        self._pace.close()
