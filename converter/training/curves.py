"""Draws the learning curves of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.ticker import MaxNLocator, PercentFormatter

from converter.charts import figure, png

SIZE_PX = (1240, 420)


def curves_png(history: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the PNG of loss and accuracy over epochs, in training and on PublicTest.

    Each entry has epoch, loss, accuracy, validation_loss and validation_accuracy.
    """
    drawn = figure(*SIZE_PX)
    epochs = [entry["epoch"] for entry in history]
    for axes, key in zip(drawn.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for column, name in ((key, "training"), (f"validation_{key}", "PublicTest")):
            axes.plot(epochs, [entry[column] for entry in history], marker=".", label=name)
        axes.set_title(key.capitalize())
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    names = axes.get_legend_handles_labels()
    drawn.legend(*names, loc="outside upper right", ncols=2)
    return png(drawn)
