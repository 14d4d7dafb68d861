"""The addresses of the history: as JSON for the page's timeline, as CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Protocol

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest

from edge.datatypes import UNCERTAIN, Period
from edge.web.answers import as_json

_STEP_S = 5
_MOST_MINUTES = 24 * 60
_MOST_SECONDS = 15 * 60
_MOST_DAYS = 90
_DAY_S = 24 * 3600.0
_LINES_A_PIECE = 200


class History(Protocol):
    """What was seen, added up; both return what began in the last so many seconds."""

    def minutes(self, last_s: float) -> Iterable[Period]:
        """Return whole minutes, oldest first."""
        ...

    def steps(self, last_s: float) -> Sequence[Period]:
        """Return steps of five seconds, oldest first."""
        ...


def add_history(app: Flask, history: History, labels: Sequence[str]) -> None:
    """Add the addresses `/api/history` and `/api/history.csv`."""

    @app.get("/api/history")
    def api_history() -> Response:
        periods: Iterable[Period]
        if "seconds" in request.args or "step" in request.args:
            _number("step", _STEP_S, _STEP_S, _STEP_S)
            step_s = _STEP_S
            periods = history.steps(_number("seconds", 600, 1, _MOST_SECONDS))
        else:
            step_s = 60
            periods = history.minutes(60.0 * _number("minutes", 10, 1, _MOST_MINUTES))
        records = [_record(period, labels) for period in periods]
        return as_json({"labels": list(labels), "step_s": step_s, "minutes": records})

    @app.get("/api/history.csv")
    def api_history_csv() -> Response:
        periods = history.minutes(_DAY_S * _number("days", 7, 1, _MOST_DAYS))
        response = Response(_pieces(_lines(periods, labels)), mimetype="text/csv")
        response.headers["Content-Disposition"] = 'attachment; filename="emotion-edge-history.csv"'
        return response


def _record(period: Period, labels: Sequence[str]) -> dict[str, Any]:
    shares = {label: round(share, 4) for label, share in period.shares(labels).items()}
    return {
        "t": period.start_s,
        "watched_s": round(period.watched_s, 1),
        "faces": round(period.faces, 3),
        "shares": shares,
    }


def _pieces(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines in pieces worth a packet each."""
    while piece := "".join(islice(lines, _LINES_A_PIECE)):
        yield piece


def _lines(periods: Iterable[Period], labels: Sequence[str]) -> Iterator[str]:
    """Yield a heading and a line for each minute, its time in UTC."""
    yield _line(["time_utc", "watched_s", "faces", *labels, UNCERTAIN])
    for period in periods:
        at = datetime.fromtimestamp(period.start_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        shares = (f"{share:.4f}" for share in period.shares(labels).values())
        yield _line([at, f"{period.watched_s:.1f}", f"{period.faces:.3f}", *shares])


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _number(name: str, default: int, least: int, most: int) -> int:
    """Return the query's number of that name. Raises BadRequest when it is not in its range."""
    text = request.args.get(name, str(default))
    # Bounded before it is read: int() takes its time over a million digits.
    if text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most:
        return int(text)
    allowed = str(least) if least == most else f"a whole number from {least} to {most}"
    raise BadRequest(f"{name} = {text[:20]!r}: expected {allowed}")
