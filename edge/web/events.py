"""The status as server-sent events: told at once when there is news, else once a second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

MIMETYPE = "text/event-stream"
_INTERVAL_S = 0.1  # ten a second: as fast as bars need to move
_HEARTBEAT_S = 1.0  # the page counts the device as gone after a few of these
# What changes by itself from one moment to the next is not worth a message of its own.
_CLOCKS = frozenset({"fps", "age_ms", "uptime_s", "picture_age_ms"})


def event_stream(status: Callable[[], dict[str, Any]], ended: Callable[[], bool]) -> Iterator[str]:
    """Yield `status()` as events until `ended()`; the newest wins, nothing queues.

    A heartbeat is a whole event, not a comment: a page should see the age of a lost picture grow.
    """
    told: dict[str, Any] = {}
    told_at_s = float("-inf")
    while not ended():
        now = status()
        news = _without_clocks(now)
        if news != told or time.monotonic() - told_at_s >= _HEARTBEAT_S:
            told, told_at_s = news, time.monotonic()
            yield f"data: {json.dumps(now, separators=(',', ':'))}\n\n"
        time.sleep(_INTERVAL_S)


def _without_clocks(status: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_clocks(value) if key == "health" else value
        for key, value in status.items()
        if key not in _CLOCKS
    }
