"""The status as server-sent events: sent with each report that changes it, else once a second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from typing import Any

from edge.datatypes import Report
from edge.latest import Latest

MIMETYPE = "text/event-stream"
_INTERVAL_S = 0.1  # ten a second: as fast as bars need to move
_HEARTBEAT_S = 1.0  # the page counts the device as gone after a few of these
# These values change all the time; a change of them alone does not send an event.
_CLOCKS = frozenset({"fps", "age_ms", "uptime_s", "picture_age_ms"})


def event_stream(
    status: Callable[[], dict[str, Any]], reports: Latest[Report]
) -> Generator[str, None, None]:
    """Yield `status()` as events until `reports` closes; the newest wins, nothing queues.

    A heartbeat is a whole event, not a comment: a page should see the age of a lost frame grow.
    """
    version = 0
    sent: dict[str, Any] = {}
    sent_s = float("-inf")
    while not reports.closed:
        now = status()
        news = _without_clocks(now)
        if news != sent or time.monotonic() - sent_s >= _HEARTBEAT_S:
            sent, sent_s = news, time.monotonic()
            yield f"data: {json.dumps(now, separators=(',', ':'))}\n\n"
            time.sleep(_INTERVAL_S)
        heartbeat_in_s = sent_s + _HEARTBEAT_S - time.monotonic()
        newer = reports.wait_newer(version, max(heartbeat_in_s, 0.0))
        version = version if newer is None else newer[0]


def _without_clocks(status: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_clocks(value) if key == "health" else value
        for key, value in status.items()
        if key not in _CLOCKS
    }
