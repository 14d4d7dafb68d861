"""The chart of a measurement: frames per second by clip, as bars, drawn with OpenCV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.datatypes import BgrImage
from edge.errors import OutputError
from edge.palette import Rgb
from edge.web.text_drawing import INK, PAPER, width_px, write

_WIDTH = 960
_ROW, _BAR, _TOP, _LEFT, _RIGHT = 62, 20, 70, 150, 170
_CAP = 12.0
_OURS: Rgb = (0, 114, 178)
_THEIRS: Rgb = (190, 120, 60)


def save_chart(found: Mapping[str, Any], path: Path) -> None:
    """Write the chart to a PNG. Raises OutputError."""
    _, png = cv2.imencode(".png", draw_chart(found))
    try:
        path.write_bytes(png.tobytes())
    except OSError as exc:
        raise OutputError(f"{path}: cannot write the chart: {exc.strerror}") from exc


def draw_chart(found: Mapping[str, Any]) -> BgrImage:
    """Return the chart, uint8 (H, W, 3): a row for each clip, for the fewest threads measured."""
    cases = _fewest_threads(found["cases"])
    bgr = np.full((_TOP + _ROW * len(cases) + 20, _WIDTH, 3), PAPER[::-1], np.uint8)
    threads = cases[0]["threads"]
    title = f"Frames per second, {threads} {'thread' if threads == 1 else 'threads'}"
    write(bgr, title, (20, 34), 15, INK)
    _legend(bgr, found["compared_with"])
    longest = max(max(case["frames_per_s"]["median"], _other(case) or 0) for case in cases)
    unit = (_WIDTH - _LEFT - _RIGHT) / longest
    for number, case in enumerate(cases):
        _draw_row(bgr, case, _TOP + _ROW * number, unit)
    return bgr


def _fewest_threads(cases: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    fewest = min(case["threads"] for case in cases)
    return [case for case in cases if case["threads"] == fewest]


def _other(case: Mapping[str, Any]) -> float | None:
    rates = case.get("other_frames_per_s")
    return None if rates is None else float(rates["median"])


def _legend(bgr: BgrImage, compared_with: str) -> None:
    names = [("emotion-edge", _OURS), *([(compared_with, _THEIRS)] if compared_with else [])]
    x = _WIDTH - 20 - sum(width_px(name, _CAP) + 44 for name, _ in names)
    for name, colour in names:
        cv2.rectangle(bgr, (x, 22), (x + 16, 34), colour[::-1], cv2.FILLED)
        write(bgr, name, (x + 24, 34), _CAP, INK)
        x += width_px(name, _CAP) + 44


def _draw_row(bgr: BgrImage, case: Mapping[str, Any], top: int, unit: float) -> None:
    write(bgr, case["clip"][:14], (20, top + _BAR), _CAP, INK)
    _draw_bar(bgr, case["frames_per_s"]["median"], (top, unit), _OURS)
    other = _other(case)
    if other is not None:
        times = f"   {case['ratio']['median']:.1f} times as fast"
        _draw_bar(bgr, other, (top + _BAR + 4, unit), _THEIRS, times)


def _draw_bar(
    bgr: BgrImage, value: float, place: tuple[int, float], colour: Rgb, remark: str = ""
) -> None:
    top, unit = place
    right = _LEFT + max(round(value * unit), 1)
    cv2.rectangle(bgr, (_LEFT, top), (right, top + _BAR - 1), colour[::-1], cv2.FILLED)
    write(bgr, f"{value:.1f}{remark}", (right + 8, top + _BAR - 4), _CAP, INK)
