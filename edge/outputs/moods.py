"""The room's mood as one word, for outputs that send text. No I/O here."""

from __future__ import annotations

from edge.datatypes import UNCERTAIN as UNCERTAIN  # noqa: PLC0414 (one of the moods)
from edge.datatypes import Report

NO_FACE = "none"
"""The mood while no face is in view; UNCERTAIN is that of faces without a dominant expression."""


def mood_of(report: Report) -> str | None:
    """Return the dominant expression, UNCERTAIN or NO_FACE; None while the camera is not live."""
    if report.snapshot is None or not report.health.healthy:
        return None
    if not report.snapshot.faces:
        return NO_FACE
    return report.snapshot.dominant or UNCERTAIN


def faces_of(report: Report) -> int | None:
    """Return the number of faces in view, None while the camera is not live."""
    is_live = report.snapshot is not None and report.health.healthy
    return len(report.snapshot.faces) if is_live and report.snapshot else None
