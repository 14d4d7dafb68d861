"""Downloads of the history: CSV for a spreadsheet, and JSON."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice

from flask import Flask, Response
from werkzeug.exceptions import ServiceUnavailable

from edge.datatypes import UNCERTAIN, Period
from edge.history.history import DAY_S, MINUTE_S
from edge.web.download_slot import Download, DownloadSlot
from edge.web.history import History, record, watched_s
from edge.web.query import number_of

_MOST_DAYS = 90
_LINES_A_PIECE = 100
# A download sleeps this many times as long as it worked: vision needs the interpreter, too.
_SLEEP_FACTOR = 4
_LONGEST_SLEEP_S = 0.25
_TRY_AGAIN_S = 5

Lines = Callable[[Iterable[Period], Sequence[str]], Iterator[str]]


def add_downloads(
    app: Flask,
    history: History,
    labels: Sequence[str],
    *,
    clock: Callable[[], float] = time.monotonic,
    worked_s: Callable[[], float] = time.thread_time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Add the routes `/api/history.csv` and `/api/history.json`.

    One file is written at a time: after each piece it sleeps for a multiple of the processor time
    that the piece took, which `worked_s` measures. `clock` measures how slowly its client reads.
    """
    slot = DownloadSlot(clock)

    @app.get("/api/history.csv")
    def api_history_csv() -> Response:
        return download(_csv_lines, "csv", "text/csv")

    @app.get("/api/history.json")
    def api_history_json() -> Response:
        return download(_json_lines, "json", "application/json")

    def download(lines: Lines, suffix: str, mimetype: str) -> Response:
        days = number_of("days", 7, 1, _MOST_DAYS)
        turn = slot.acquire()
        if turn is None:
            busy = "another download is running; try again in a few seconds"
            raise ServiceUnavailable(busy, retry_after=_TRY_AGAIN_S)
        pieces = _pieces(lines(history.minutes(days * DAY_S), labels))
        response = Response(_paced(pieces, turn, worked_s, sleep), mimetype=mimetype)
        response.call_on_close(turn.close)
        name = f"emotion-edge-history.{suffix}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


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


def _csv_lines(periods: Iterable[Period], labels: Sequence[str]) -> Iterator[str]:
    """Yield a heading and a line for each minute, its time in UTC."""
    heading = io.StringIO()
    csv.writer(heading).writerow(["time_utc", "watched_s", "faces", *labels, UNCERTAIN])
    yield heading.getvalue()
    for period in periods:
        at = _utc(period)
        shares = ",".join([f"{share:.4f}" for share in period.shares(labels).values()])
        watched = watched_s(period, MINUTE_S)
        yield f"{at},{watched:.1f},{period.faces:.3f},{shares}\r\n"


def _json_lines(periods: Iterable[Period], labels: Sequence[str]) -> Iterator[str]:
    """Yield one JSON object, a minute to a line."""
    yield f'{{"labels": {json.dumps(list(labels))}, "step_s": {MINUTE_S}, "minutes": ['
    separator = "\n"
    for period in periods:
        minute = {"time_utc": _utc(period), **record(period, MINUTE_S, labels)}
        yield separator + json.dumps(minute)
        separator = ",\n"
    yield "\n]}\n"


def _utc(period: Period) -> str:
    return datetime.fromtimestamp(period.start_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
