"""The program to compare with, in a process of its own and an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.bench.clips import Clip
from edge.datatypes import BgrImage
from edge.errors import ResourceError, UsageError

VERSION = "25.10.3"
DEFAULT_PYTHON = Path("~/.cache/emotion-edge/fer/bin/python")
_WORKER = Path(__file__).with_name("fer_worker.py")
_INSTALL = (
    "python3 -m venv {folder} && {folder}/bin/pip install 'setuptools<81' tensorflow-cpu "
    "'opencv-python-headless<5' pandas requests tqdm 'moviepy<2' ffmpeg-python && "
    "{folder}/bin/pip install --no-deps fer=={version}"
)


class Fer:
    """`fer` over the frames of one clip after another; use as a context manager."""

    def __init__(self, python: Path) -> None:
        """Start it. Raises UsageError when there is no such Python."""
        python = python.expanduser()
        if not python.is_file():
            folder = DEFAULT_PYTHON.parent.parent
            raise UsageError(
                f"--compare fer: {python}: no such Python; install it: "
                f"{_INSTALL.format(folder=folder, version=VERSION)}"
            )
        self._python = python
        self._process = subprocess.Popen(  # noqa: S603 (the Python that the user names)
            [str(python), str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._is_loaded = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def load(self, clip: Clip, threads: int) -> None:
        """Pass the frames over, in place of the last clip's. Raises ResourceError."""
        height, width = clip.frames[0].shape[:2]
        head = {
            "frames": len(clip.frames),
            "height": height,
            "width": width,
            "threads": threads,
            "cores": sorted(os.sched_getaffinity(0)),
        }
        self._send(b"next\n" if self._is_loaded else b"")
        self._send(json.dumps(head).encode() + b"\n")
        self._send_frames(clip.frames)
        self._is_loaded = True
        self._answer()

    def run(self) -> tuple[float, float]:
        """Return its frames per second in one pass, and the faces it found in a frame."""
        self._send(b"run\n")
        found = json.loads(self._answer())
        return self._frames / float(found["seconds"]), float(found["faces"])

    def _send_frames(self, frames: Sequence[BgrImage]) -> None:
        self._frames = len(frames)
        for bgr in frames:
            self._send(bgr.tobytes())

    def _send(self, content: bytes) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(content)
                self._process.stdin.flush()
        except OSError as exc:
            raise self._ended() from exc

    def _answer(self) -> bytes:
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            raise self._ended()
        return line

    def _ended(self) -> ResourceError:
        return ResourceError(
            f"--compare fer: it ended with an error; try: {self._python} {_WORKER} </dev/null"
        )
