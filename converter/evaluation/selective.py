"""Accuracy when a model may stay silent: how many faces get a label, and how many are right.

The device shows a label from `[smoother] min_confidence` on, and "uncertain" below. El-Yaniv &
Wiener, "On the Foundations of Noise-free Selective Classification" (2010): the risk-coverage curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.charts import figure, png
from converter.evaluation.metrics import Floats, Integers

MIN_CONFIDENCE = 0.5
"""The device's default, which its default.toml has too."""

STEP = 0.05
SIZE_PX = (640, 480)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """With a label from `min_confidence` on: the share of samples with one, and of right ones.

    `accuracy` is None where no sample has a label.
    """

    min_confidence: float
    labelled: float
    accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectiveAccuracy:
    """Over `samples`: at the device's minimum and at every 0.05.

    `area` is that under the risk-coverage curve: the mean share of wrong labels over all minima,
    each sample's confidence being one.
    """

    samples: int
    chosen: Selection
    table: tuple[Selection, ...]
    area: float


def selective(probabilities: Floats, labels: Integers, min_confidence: float) -> SelectiveAccuracy:
    """Return the selective accuracy of `probabilities` (N, 7) of samples with `labels` (N,)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    minima = np.arange(0, 1, STEP).round(2)
    _, wrong = risk_coverage(probabilities, labels)
    return SelectiveAccuracy(
        samples=len(labels),
        chosen=_selection(confidence, right, min_confidence),
        table=tuple(_selection(confidence, right, float(least)) for least in minima),
        area=round(float(wrong.mean()), 5),
    )


def risk_coverage(
    probabilities: Floats, labels: Integers
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the shares (N,) of samples with a label, and of wrong ones among these labels.

    Point k labels the k + 1 samples of the greatest confidence.
    """
    surest_first = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = (probabilities.argmax(axis=1) != labels)[surest_first]
    count = np.arange(1, len(labels) + 1)
    return count / len(labels), np.cumsum(wrong) / count


def selective_text(name: str, split: str, result: SelectiveAccuracy) -> str:
    """Return the result as a sentence and a table."""
    chosen = result.chosen
    lines = [
        f"{name}: with a label from {chosen.min_confidence:g} on, {chosen.labelled:.1%} of "
        f"{result.samples} samples ({split}) get one, {_percent(chosen.accuracy)} of the labels "
        "are right",
        f"area under the risk-coverage curve {result.area:.3f}",
        "",
        "min_confidence labelled   right",
        *(
            f"{one.min_confidence:14.2f} {one.labelled:8.1%} {_percent(one.accuracy):>7}"
            for one in result.table
        ),
    ]
    return "\n".join(lines) + "\n"


def risk_coverage_png(probabilities: Floats, labels: Integers, result: SelectiveAccuracy) -> bytes:
    """Return the PNG of the risk-coverage curve, the chosen minimum marked."""
    drawn = figure(*SIZE_PX)
    axes = drawn.subplots()
    labelled, wrong = risk_coverage(probabilities, labels)
    axes.plot(labelled, wrong)
    chosen = result.chosen
    if chosen.accuracy is not None:
        at = chosen.labelled, 1 - chosen.accuracy
        axes.plot(*at, "o", label=f"min_confidence = {chosen.min_confidence:g}")
        axes.legend(loc="upper left")
    axes.set_xlabel("share of samples with a label")
    axes.set_ylabel("share of wrong labels")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    return png(drawn)


def _selection(
    confidence: Floats, right: npt.NDArray[np.bool_], min_confidence: float
) -> Selection:
    labelled = confidence >= min_confidence
    return Selection(
        min_confidence=min_confidence,
        labelled=round(float(labelled.mean()), 5),
        accuracy=round(float(right[labelled].mean()), 5) if labelled.any() else None,
    )


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"
