"""Draws charts as PNG files, with matplotlib and without its global state."""

from __future__ import annotations

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def figure(width_px: int, height_px: int) -> Figure:
    """Return an empty figure whose PNG has this size."""
    return Figure(figsize=(width_px / 100, height_px / 100), dpi=100, layout="constrained")


def png(drawn: Figure) -> bytes:
    """Return the figure as a PNG. The same figure gives the same bytes."""
    buffer = io.BytesIO()
    FigureCanvasAgg(drawn).print_png(  # type: ignore[no-untyped-call]
        buffer, metadata={"Software": None}
    )
    return buffer.getvalue()
