"""Accuracy under each corruption as a chart, a line for each model."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import PercentFormatter

from converter.charts import figure, png
from converter.evaluation.corruptions import STRENGTHS
from converter.evaluation.robustness import Robustness

SIZE_PX = (1240, 860)
COLUMNS = 4


def robustness_png(names: Sequence[str], result: Robustness) -> bytes:
    """Return the PNG of accuracy over the strengths, one small chart for each corruption.

    Strength 0 is the images as they are.
    """
    drawn = figure(*SIZE_PX)
    rows = -(-(len(result.corruptions) + 1) // COLUMNS)
    charts = drawn.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (corruption, under) in zip(charts, result.corruptions.items(), strict=False):
        for name, alone, shares in zip(names, result.uncorrupted, under.accuracy, strict=True):
            axes.plot(range(STRENGTHS + 1), (alone, *shares), marker=".", label=name)
        amounts = f"{under.amounts[0]:g} to {under.amounts[-1]:g} {under.unit}"
        axes.set_title(f"{corruption}\n{amounts}", fontsize=9)
        axes.grid(alpha=0.3)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    for unused in charts[len(result.corruptions) :]:
        unused.axis("off")
    charts[-1].legend(*axes.get_legend_handles_labels(), loc="center", title="accuracy")
    drawn.supxlabel("strength")
    return png(drawn)
