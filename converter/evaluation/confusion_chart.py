"""The confusion matrix as a chart."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.metrics import ConfusionMatrixDisplay

from converter.charts import figure, png
from converter.evaluation.metrics import Integers, row_shares

SIDE_PX = 720


def confusion_png(confusion: Integers, labels: Sequence[str]) -> bytes:
    """Return the PNG of counts (C, C), true labels down and predicted ones across.

    A cell is as dark as its share of the row, and shows that share and the count.
    """
    drawn = figure(SIDE_PX, SIDE_PX)
    axes = drawn.subplots()
    shares = row_shares(confusion)
    display = ConfusionMatrixDisplay(shares, display_labels=list(labels))
    display.plot(ax=axes, cmap="Blues", colorbar=False, im_kw={"vmin": 0, "vmax": 1})
    for text, share, count in zip(
        display.text_.ravel(), shares.ravel(), confusion.ravel(), strict=True
    ):
        text.set_text(f"{share:.0%}\n{count}")
    return png(drawn)
