"""Figures: whole PNG files that show what they are given."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.data.labels import LABELS
from converter.evaluation import figures

pytestmark = pytest.mark.converter


def decoded(png):
    assert png.startswith(b"\x89PNG")
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def cell(picture, row, column):
    top = figures.MARGIN_PX + row * figures.CELL_PX
    left = figures.MARGIN_PX + column * figures.CELL_PX
    return picture[top + 4 : top + 12, left + 4 : left + 12].reshape(-1, 3).mean(axis=0)


def test_a_confusion_matrix_is_darkest_where_most_answers_are():
    confusion = np.eye(7, dtype=int) * 100
    confusion[2] = 0  # a label without pictures
    confusion[4, 6] = 300
    picture = decoded(figures.confusion_png(confusion, LABELS))
    assert cell(picture, 0, 0).tolist() == list(figures.BLUE)
    assert cell(picture, 0, 1).tolist() == [255, 255, 255]
    assert cell(picture, 2, 2).tolist() == [255, 255, 255]
    assert cell(picture, 4, 6).sum() < cell(picture, 4, 4).sum() < 3 * 255


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


def heights(picture, colour):
    """Return the rows in which a colour is drawn, in the plotting area."""
    x, y = figures.PANEL_MARGIN_PX
    drawn = (picture[y - 10 :, x - 5 :] == colour).all(axis=2)
    return np.flatnonzero(drawn.any(axis=1)), drawn


def test_curves_go_where_the_numbers_go():
    picture = decoded(figures.curves_png(history([2.4, 2.0, 1.5], [0.3, 0.5, 0.7])))
    width = figures.PANEL_PX[0]
    _, loss = heights(picture[:, :width], figures.ORANGE)
    _, accuracy = heights(picture[:, width:], figures.ORANGE)
    for drawn, falls in ((loss, True), (accuracy, False)):
        left, right = (
            np.flatnonzero(half.any(axis=1)).mean()
            for half in np.hsplit(drawn[:, : drawn.shape[1] // 2 * 2], 2)
        )
        assert (right > left) == falls  # rows count downwards


@pytest.mark.parametrize("count", [1, 2, 40])
def test_any_number_of_epochs_is_drawn(count):
    picture = decoded(figures.curves_png(history([1.5] * count, [0.5] * count)))
    assert picture.shape == (figures.PANEL_PX[1], 2 * figures.PANEL_PX[0], 3)
    assert heights(picture[:, : figures.PANEL_PX[0]], figures.BLUE)[0].size
