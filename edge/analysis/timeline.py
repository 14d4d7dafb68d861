"""Draws the expressions of one video over its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from edge.analysis.tables import Record
from edge.datatypes import UNCERTAIN, BgrImage
from edge.palette import colour_of
from edge.web.text_drawing import INK, PAPER, shorten, width_px, write

_MOST_STEPS = 960
_FIRST_STEP_S = 0.1
_WIDTH_PX, _HEIGHT_PX, _MARGIN_PX, _CAP_PX = 960, 240, 32, 11.0
_LEFT, _TOP = _MARGIN_PX, _MARGIN_PX
_RIGHT, _BOTTOM = _LEFT + _WIDTH_PX, _TOP + _HEIGHT_PX


class Timeline:
    """The mean number of faces of each expression, by steps of equal length.

    A step is a tenth of a second; it is doubled whenever the video has more than 960 of them. A
    step without a frame is like the step before.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self._step_s = _FIRST_STEP_S
        self._frames: list[int] = []
        self._faces: list[Counter[str]] = []

    def add(self, record: Record) -> None:
        """Count the faces of a frame, whose time is not before the last one's."""
        while (step := int(record["time_s"] / self._step_s)) >= _MOST_STEPS:
            self._double()
        for _ in range(step + 1 - len(self._frames)):
            self._frames.append(0)
            self._faces.append(Counter())
        self._frames[step] += 1
        self._faces[step].update(face["label"] or UNCERTAIN for face in record["faces"])

    def _double(self) -> None:
        starts = range(0, len(self._frames), 2)
        self._frames = [sum(self._frames[i : i + 2]) for i in starts]
        self._faces = [sum(self._faces[i : i + 2], Counter()) for i in starts]
        self._step_s *= 2

    def means(self) -> Iterator[dict[str, float]]:
        """Yield the mean number of faces by label, of each step."""
        before: dict[str, float] = {}
        for frames, faces in zip(self._frames, self._faces, strict=True):
            if frames:
                before = {label: faces[label] / frames for label in self._labels}
            yield before

    def draw(self, title: str) -> BgrImage:
        """Return uint8 (304, 1024, 3): stacked columns, times below, the labels above."""
        size = (_BOTTOM + _MARGIN_PX, _RIGHT + _MARGIN_PX, 3)
        bgr = np.full(size, PAPER[::-1], np.uint8)
        steps = list(self.means())
        most = max((sum(step.values()) for step in steps), default=0.0)
        for index, step in enumerate(steps):
            _draw_column(bgr, index, len(steps), step, _HEIGHT_PX / max(most, 1.0))
        cv2.rectangle(bgr, (_LEFT, _TOP), (_RIGHT, _BOTTOM), INK[::-1], 1)
        _draw_legend(bgr, title, self._labels)
        _draw_times(bgr, len(steps) * self._step_s)
        return bgr


def _draw_column(
    bgr: BgrImage, index: int, count: int, step: dict[str, float], px_per_face: float
) -> None:
    left, right = (_LEFT + round(n * _WIDTH_PX / count) for n in (index, index + 1))
    below = 0.0
    for label, faces in step.items():
        bottom, top = (_BOTTOM - round(n * px_per_face) for n in (below, below + faces))
        bgr[top:bottom, left:right] = colour_of(label)[::-1]
        below += faces


def _draw_legend(bgr: BgrImage, title: str, labels: Sequence[str]) -> None:
    """Draw the labels from the right, and the title where they leave room."""
    baseline, right = _TOP - 10, _RIGHT
    for label in reversed(labels):
        right -= width_px(label, _CAP_PX)
        write(bgr, label, (right, baseline), _CAP_PX, INK)
        right -= 16
        cv2.rectangle(
            bgr, (right, baseline), (right + 11, baseline - 11), colour_of(label)[::-1], -1
        )
        right -= 12
    write(bgr, shorten(title, right - _LEFT, _CAP_PX), (_LEFT, baseline), _CAP_PX, INK)


def _draw_times(bgr: BgrImage, duration_s: float) -> None:
    for quarter in range(5):
        at_s = duration_s * quarter / 4
        text = f"{int(at_s // 60)}:{at_s % 60:04.1f}"
        x = _LEFT + round(_WIDTH_PX * quarter / 4) - width_px(text, _CAP_PX) // 2
        x = min(max(x, 2), bgr.shape[1] - width_px(text, _CAP_PX) - 2)
        write(bgr, text, (x, _BOTTOM + 22), _CAP_PX, INK)
