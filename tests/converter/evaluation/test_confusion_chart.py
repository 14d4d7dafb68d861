"""The confusion matrix as a chart: a PNG that is dark where the counts are."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.data.labels import LABELS
from converter.evaluation.confusion_chart import SIDE_PX, confusion_png

pytestmark = pytest.mark.converter


def decoded(png):
    assert png.startswith(b"\x89PNG")
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def cells(image):
    """Return the brightness (7, 7) of each cell's upper left corner, where no text stands."""
    frame = (image < 60).all(axis=2)
    rows = np.flatnonzero(frame.sum(axis=1) > SIDE_PX // 2)
    columns = np.flatnonzero(frame.sum(axis=0) > SIDE_PX // 2)
    corners_y = np.linspace(rows[0], rows[-1], 8)[:7].round().astype(int) + 5
    corners_x = np.linspace(columns[0], columns[-1], 8)[:7].round().astype(int) + 5
    return np.array([[image[y : y + 10, x : x + 10].mean() for x in corners_x] for y in corners_y])


def test_a_cell_is_as_dark_as_its_share_of_the_row():
    confusion = np.eye(7, dtype=int) * 100
    confusion[2] = 0  # a label without samples
    confusion[4, 6] = 300
    brightness = cells(decoded(confusion_png(confusion, LABELS)))
    assert brightness[0, 0] < 100
    assert brightness[0, 1] > 240
    assert brightness[2, 2] > 240
    assert brightness[0, 0] < brightness[4, 6] < brightness[4, 4] < brightness[0, 1]
