"""The course of a training as a chart: curves that go where the numbers go."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.training.curves import SIZE_PX, curves_png

pytestmark = pytest.mark.converter

ORANGE_BGR = (14, 127, 255)
"""matplotlib's second colour, "tab:orange", in which PublicTest is drawn."""

LEGEND_PX = 40
"""Above the charts."""


def history(losses, accuracies):
    return [
        {
            "epoch": epoch,
            "loss": loss,
            "accuracy": accuracy,
            "validation_loss": loss + 0.1,
            "validation_accuracy": accuracy - 0.1,
        }
        for epoch, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), 1)
    ]


def drawn(png):
    """Return where PublicTest's curve is, in the chart of the loss and in that of accuracy."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert (image.shape[1], image.shape[0]) == SIZE_PX
    orange = (np.abs(image.astype(int) - ORANGE_BGR) < 8).all(axis=2)
    orange[:LEGEND_PX] = False
    return np.hsplit(orange, 2)


def test_curves_go_where_the_numbers_go():
    loss, accuracy = drawn(curves_png(history([2.4, 2.0, 1.5], [0.3, 0.5, 0.7])))
    for curve, falls in ((loss, True), (accuracy, False)):
        columns = np.flatnonzero(curve.any(axis=0))
        first, last = (np.flatnonzero(curve[:, at]).mean() for at in (columns[2], columns[-3]))
        assert (last > first) == falls  # rows count downwards


@pytest.mark.parametrize("count", [1, 2, 40])
def test_any_number_of_epochs_is_drawn(count):
    loss, accuracy = drawn(curves_png(history([1.5] * count, [0.5] * count)))
    assert loss.any()
    assert accuracy.any()
