"""Writes images and videos with the faces drawn on them, as on the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge.analysis.analyzer import Reading
from edge.analysis.annotated_video import AnnotatedVideo
from edge.analysis.plan import Job
from edge.analysis.results import made, write_image
from edge.web.overlay import draw_faces

_WRITTEN_AS_THEY_ARE = frozenset({".jpg", ".jpeg", ".png"})


@contextmanager
def annotated(job: Job, folder: Path) -> Iterator[Callable[[Reading], None]]:
    """Yield what takes the readings of one file and writes it to `folder`, under the job's name.

    Images of other formats than JPEG and PNG become JPEG, videos become MP4; the suffix is added to
    their names. Nothing is left of a file that could not be read or written to its end. Raises
    OutputError when it cannot be written, PackageMissing for a video without ffmpeg.
    """
    with ExitStack() as opened:
        video: AnnotatedVideo | None = None

        def add(reading: Reading) -> None:
            nonlocal video
            bgr = draw_faces(reading.frame.bgr, reading.faces)
            if not reading.is_video:
                write_image(_image_path(folder / job.name), bgr)
                return
            if video is None:
                part = opened.enter_context(made(_with_suffix(folder / job.name, ".mp4")))
                video = opened.enter_context(AnnotatedVideo(job.path, part, reading.frame.size))
            video.add(bgr, reading.frame.captured_at_s)

        yield add


def _image_path(path: Path) -> Path:
    return path if path.suffix.lower() in _WRITTEN_AS_THEY_ARE else _with_suffix(path, ".jpg")


def _with_suffix(path: Path, suffix: str) -> Path:
    return path if path.suffix.lower() == suffix else path.with_name(path.name + suffix)
