"""Figures as PNG files, drawn with OpenCV: a confusion matrix and the curves of a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Canvas = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Point = tuple[int, int]
Integers = npt.NDArray[np.integer[Any]]

WHITE, INK, FAINT = (255, 255, 255), (50, 44, 40), (222, 218, 214)  # B, G, R
BLUE, ORANGE = (180, 110, 30), (40, 120, 235)
FONT = cv2.FONT_HERSHEY_SIMPLEX

CELL_PX = 84
MARGIN_PX = 130

PANEL_PX = (620, 420)
PANEL_MARGIN_PX = (80, 60)  # left and right, above and below
TICKS = 6


def confusion_png(confusion: Integers, labels: Sequence[str]) -> bytes:
    """Return the PNG of counts (C, C), true labels down and answers across.

    A cell is as dark as its share of the row; it shows that share in percent and the count.
    """
    size = len(labels)
    side = MARGIN_PX + size * CELL_PX + 20
    canvas = np.full((side, side, 3), 255, np.uint8)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    for row in range(size):
        for column in range(size):
            corner = MARGIN_PX + column * CELL_PX, MARGIN_PX + row * CELL_PX
            _cell(canvas, corner, float(shares[row, column]), int(confusion[row, column]))
    for index, label in enumerate(labels):
        middle = MARGIN_PX + index * CELL_PX + CELL_PX // 2
        _text(canvas, label, (MARGIN_PX - 12, middle), align=1.0)
        _text(canvas, label, (middle, MARGIN_PX - 18), align=0.5)
    _text(canvas, "true", (MARGIN_PX - 12, MARGIN_PX - 44), align=1.0, scale=0.6)
    _text(canvas, "answered", (MARGIN_PX + size * CELL_PX // 2, 34), align=0.5, scale=0.6)
    return _png(canvas)


def curves_png(history: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the PNG of loss and accuracy over epochs, in training and on PublicTest.

    Each entry has epoch, loss, accuracy, validation_loss and validation_accuracy.
    """
    loss = _panel(history, "loss", "Loss", str)
    accuracy = _panel(history, "accuracy", "Accuracy", lambda tick: f"{float(tick) * 100:.0f}%")
    return _png(np.hstack([loss, accuracy]))


def _cell(canvas: Canvas, corner: Point, share: float, count: int) -> None:
    x, y = corner
    shade = tuple(round(255 - (255 - blue) * share) for blue in BLUE)
    cv2.rectangle(canvas, (x, y), (x + CELL_PX - 3, y + CELL_PX - 3), shade, cv2.FILLED)
    colour = WHITE if share > 0.55 else INK
    middle = x + CELL_PX // 2
    _text(canvas, f"{share:.0%}", (middle, y + 34), align=0.5, scale=0.6, colour=colour)
    _text(canvas, str(count), (middle, y + 60), align=0.5, scale=0.42, colour=colour)


def _panel(
    history: Sequence[Mapping[str, Any]], key: str, title: str, name: Callable[[str], str]
) -> Canvas:
    """Return one pair of curves with axes, ticks and legend."""
    width, height = PANEL_PX
    canvas = np.full((height, width, 3), 255, np.uint8)
    curves = {"training": (key, ORANGE), "PublicTest": (f"validation_{key}", BLUE)}
    epochs = [entry["epoch"] for entry in history]
    ticks = _ticks([entry[column] for entry in history for column, _ in curves.values()])

    def place(epoch: float, value: float) -> Point:
        (margin_x, margin_y), last = PANEL_MARGIN_PX, max(epochs[-1], 2)
        x = margin_x + (epoch - 1) / (last - 1) * (width - 2 * margin_x)
        y = (
            height
            - margin_y
            - (value - ticks[0]) / (ticks[-1] - ticks[0]) * (height - 2 * margin_y)
        )
        return round(x), round(y)

    for tick in ticks:
        cv2.line(canvas, place(1, tick), place(max(epochs[-1], 2), tick), FAINT, 1)
        x, y = place(1, tick)
        _text(canvas, name(f"{tick:.10g}"), (x - 10, y), align=1.0)
    for epoch in _whole_ticks(max(epochs[-1], 2)):
        x, y = place(epoch, ticks[0])
        _text(canvas, str(epoch), (x, y + 22), align=0.5)
    for number, (label, (column, colour)) in enumerate(curves.items()):
        points = [place(entry["epoch"], entry[column]) for entry in history]
        cv2.polylines(canvas, [np.array(points)], False, colour, 2, cv2.LINE_AA)
        for point in points:
            cv2.circle(canvas, point, 3, colour, cv2.FILLED, cv2.LINE_AA)
        _text(canvas, label, (width - PANEL_MARGIN_PX[0] - 110 * number, 30), 1.0, colour=colour)
    _text(canvas, title, (PANEL_MARGIN_PX[0], 30), align=0.0, scale=0.6)
    _text(canvas, "epoch", (width // 2, height - 14), align=0.5)
    return canvas


def _ticks(values: Sequence[float]) -> list[float]:
    """Return a few round numbers around `values`, evenly spaced."""
    low, high = min(values), max(values)
    rough = max(high - low, 1e-3) / (TICKS - 1)
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * nice for nice in (1, 2, 5, 10) if magnitude * nice >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [index * step for index in range(first, max(last, first + 1) + 1)]


def _whole_ticks(last: int) -> range:
    return range(1, last + 1, max(1, math.ceil(last / 12)))


def _text(
    canvas: Canvas,
    text: str,
    at: Point,
    align: float,
    *,
    scale: float = 0.48,
    colour: Colour = INK,
) -> None:
    """Write with the middle height at `at`; `align` is the share of the width left of it."""
    (width, height), _ = cv2.getTextSize(text, FONT, scale, 1)
    x, y = at
    origin = round(x - width * align), y + height // 2
    cv2.putText(canvas, text, origin, FONT, scale, colour, 1, cv2.LINE_AA)


def _png(canvas: Canvas) -> bytes:
    _, encoded = cv2.imencode(".png", canvas)
    return encoded.tobytes()
