"""The plot of a soak."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from faults import Happened
from judged import Sample

_DRAWN = (
    ("anonymous_mb", "anonymous memory, MB"),
    ("threads", "threads"),
    ("descriptors", "descriptors"),
    ("fps", "frames per second"),
    ("age_ms", "newest frame, age in ms"),
    ("shown_age_ms", "as viewers see it, in ms"),
    ("load", "load of the machine"),
)


def plot(path: Path, samples: Sequence[Sample], happened: Sequence[Happened]) -> None:
    """Draw each value over time; faults that stop frames are shaded. Needs matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 14), layout="constrained")
    minutes = [sample.at_s / 60 for sample in samples]
    all_axes = figure.subplots(len(_DRAWN), 1, sharex=True)
    for axes, (name, label) in zip(all_axes, _DRAWN, strict=True):
        values = [getattr(sample, name) for sample in samples]
        axes.plot(minutes, [float("nan") if v is None else v for v in values], linewidth=0.7)
        axes.set_ylabel(label)
        if name.endswith("age_ms"):
            axes.set_yscale("log")
        for fault in happened:
            if fault.stops_frames:
                axes.axvspan(fault.began_s / 60, fault.ended_s / 60, color="0.9")
    all_axes[-1].set_xlabel("minutes")
    figure.savefig(path, dpi=80)
