"""The route of the history for the page: by steps, minutes or hours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from flask import Flask, Response, request

from edge.datatypes import Period
from edge.history.history import DAY_S, MINUTE_S, STEP_S, STEPS_KEPT_S
from edge.web.history_hours import HOUR_S, WEEK_H, HourSums
from edge.web.query import number_of
from edge.web.responses import as_json

_MOST_MINUTES = DAY_S // MINUTE_S


class History(Protocol):
    """The recorded periods; both methods return those that began in the last `last_s` seconds."""

    def minutes(self, last_s: float) -> Iterable[Period]:
        """Return whole minutes, oldest first."""
        ...

    def steps(self, last_s: float) -> Sequence[Period]:
        """Return steps of five seconds, oldest first."""
        ...


def add_history(app: Flask, history: History, labels: Sequence[str]) -> None:
    """Add the route `/api/history`."""
    sums = HourSums(history)

    @app.get("/api/history")
    def api_history() -> Response:
        periods: Iterable[Period]
        if "hours" in request.args:
            step_s = HOUR_S
            periods = sums.last(number_of("hours", 24, 1, WEEK_H))
        elif "seconds" in request.args or "step" in request.args:
            number_of("step", STEP_S, STEP_S, STEP_S)
            step_s = STEP_S
            periods = history.steps(number_of("seconds", 600, 1, STEPS_KEPT_S))
        else:
            step_s = MINUTE_S
            periods = history.minutes(60.0 * number_of("minutes", 10, 1, _MOST_MINUTES))
        records = [record(period, step_s, labels) for period in periods]
        return as_json({"labels": list(labels), "step_s": step_s, "minutes": records})


def record(period: Period, length_s: int, labels: Sequence[str]) -> dict[str, Any]:
    """Return a period of `length_s` as JSON-ready values; `t` is its start, Unix time."""
    shares = {label: round(share, 4) for label, share in period.shares(labels).items()}
    return {
        "t": period.start_s,
        "watched_s": round(watched_s(period, length_s), 1),
        "faces": round(period.faces, 3),
        "shares": shares,
    }


def watched_s(period: Period, length_s: int) -> float:
    """Return the watched time, at most the length: a period may be recorded twice."""
    return min(period.watched_s, float(length_s))
