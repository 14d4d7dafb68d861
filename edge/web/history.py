"""The routes of the history: JSON for the page's timeline, CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Protocol

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, ServiceUnavailable

from edge.datatypes import UNCERTAIN, Period
from edge.history.history import DAY_S, MINUTE_S, STEP_S, STEPS_KEPT_S
from edge.web.download_slot import Download, DownloadSlot
from edge.web.responses import as_json

_MOST_MINUTES = DAY_S // MINUTE_S
_MOST_DAYS = 90
_LINES_A_PIECE = 100
# A download sleeps this many times as long as it worked: vision needs the interpreter, too.
_SLEEP_FACTOR = 4
_LONGEST_SLEEP_S = 0.25
_TRY_AGAIN_S = 5


class History(Protocol):
    """The recorded periods; both methods return those that began in the last `last_s` seconds."""

    def minutes(self, last_s: float) -> Iterable[Period]:
        """Return whole minutes, oldest first."""
        ...

    def steps(self, last_s: float) -> Sequence[Period]:
        """Return steps of five seconds, oldest first."""
        ...


def add_history(
    app: Flask,
    history: History,
    labels: Sequence[str],
    *,
    clock: Callable[[], float] = time.monotonic,
    worked_s: Callable[[], float] = time.thread_time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Add the routes `/api/history` and `/api/history.csv`.

    One CSV is written at a time: after each piece it sleeps for a multiple of the processor time
    that the piece took, which `worked_s` measures. `clock` measures how slowly its client reads.
    """
    slot = DownloadSlot(clock)

    @app.get("/api/history")
    def api_history() -> Response:
        periods: Iterable[Period]
        if "seconds" in request.args or "step" in request.args:
            _number("step", STEP_S, STEP_S, STEP_S)
            step_s = STEP_S
            periods = history.steps(_number("seconds", 600, 1, STEPS_KEPT_S))
        else:
            step_s = MINUTE_S
            periods = history.minutes(60.0 * _number("minutes", 10, 1, _MOST_MINUTES))
        records = [_record(period, step_s, labels) for period in periods]
        return as_json({"labels": list(labels), "step_s": step_s, "minutes": records})

    @app.get("/api/history.csv")
    def api_history_csv() -> Response:
        days = _number("days", 7, 1, _MOST_DAYS)
        download = slot.acquire()
        if download is None:
            busy = "another download is running; try again in a few seconds"
            raise ServiceUnavailable(busy, retry_after=_TRY_AGAIN_S)
        pieces = _pieces(_lines(history.minutes(days * DAY_S), labels))
        response = Response(_paced(pieces, download, worked_s, sleep), mimetype="text/csv")
        response.call_on_close(download.close)
        response.headers["Content-Disposition"] = 'attachment; filename="emotion-edge-history.csv"'
        return response


def _record(period: Period, length_s: int, labels: Sequence[str]) -> dict[str, Any]:
    shares = {label: round(share, 4) for label, share in period.shares(labels).items()}
    return {
        "t": period.start_s,
        "watched_s": round(_watched_s(period, length_s), 1),
        "faces": round(period.faces, 3),
        "shares": shares,
    }


def _watched_s(period: Period, length_s: int) -> float:
    """Return the watched time, at most the length: a period may be recorded twice."""
    return min(period.watched_s, float(length_s))


def _paced(
    pieces: Generator[str, None, None],
    download: Download,
    worked_s: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[str]:
    """Yield the pieces; after each, sleep longer than the work took.

    Raises ConnectionAbortedError when another download has taken the slot.
    """
    with closing(download), closing(pieces):  # the file first: the next one reads it
        download.resume()
        began_s = worked_s()
        for piece in pieces:
            pause_s = min(_SLEEP_FACTOR * (worked_s() - began_s), _LONGEST_SLEEP_S)
            download.wait()
            yield piece
            download.resume()
            sleep(pause_s)
            began_s = worked_s()


def _pieces(lines: Iterator[str]) -> Generator[str, None, None]:
    """Yield the lines in pieces of about one packet."""
    while piece := "".join(islice(lines, _LINES_A_PIECE)):
        yield piece


def _lines(periods: Iterable[Period], labels: Sequence[str]) -> Iterator[str]:
    """Yield a heading and a line for each minute, its time in UTC."""
    heading = io.StringIO()
    csv.writer(heading).writerow(["time_utc", "watched_s", "faces", *labels, UNCERTAIN])
    yield heading.getvalue()
    for period in periods:
        at = datetime.fromtimestamp(period.start_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        shares = ",".join([f"{share:.4f}" for share in period.shares(labels).values()])
        watched_s = _watched_s(period, MINUTE_S)
        yield f"{at},{watched_s:.1f},{period.faces:.3f},{shares}\r\n"


def _number(name: str, default: int, least: int, most: int) -> int:
    """Return the query's number of that name. Raises BadRequest when it is not in its range."""
    text = request.args.get(name, str(default))
    # The length is checked first: int() is slow for a million digits.
    if text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most:
        return int(text)
    allowed = str(least) if least == most else f"a whole number from {least} to {most}"
    raise BadRequest(f"{name} = {text[:20]!r}: expected {allowed}")
