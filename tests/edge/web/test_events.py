"""The events of the page: at once when there is news, and else once a second."""

import threading
import time

from edge.datatypes import CameraState, Health, Report
from edge.latest import Latest
from edge.web.events import event_stream

HEALTH = Health(
    camera=CameraState.LIVE, detail="", source="test", fps=0.0, age_s=None, uptime_s=0.0
)


def test_events_tell_news_at_once_and_else_once_a_second() -> None:
    status = {"health": {"camera": "live", "age_ms": 1}, "viewers": 0}
    reports: Latest[Report] = Latest()
    asked = 0

    def ask() -> dict[str, object]:
        nonlocal asked
        asked += 1
        news = {"viewers": 1} if asked >= 4 else {}
        if asked < 6:
            reports.put(Report(snapshot=None, health=HEALTH))
        return {**status, "health": {"camera": "live", "age_ms": asked}, **news}

    started_s = time.monotonic()
    events = event_stream(ask, reports)
    assert '"age_ms":1' in next(events)
    assert '"age_ms":4' in next(events)
    assert time.monotonic() - started_s < 0.9
    told_s = time.monotonic()
    assert next(events).startswith("data: {")
    assert 0.8 < time.monotonic() - told_s < 1.6


def test_events_wait_for_a_report_and_ask_for_nothing_meanwhile() -> None:
    reports: Latest[Report] = Latest()
    asked: list[float] = []

    def ask() -> dict[str, object]:
        asked.append(time.monotonic())
        return {"health": {"camera": "live"}}

    events = event_stream(ask, reports)
    next(events)
    next(events)
    assert len(asked) == 2  # at the beginning, and a heartbeat later


def test_events_end_when_the_reports_do() -> None:
    reports: Latest[Report] = Latest()
    events = event_stream(lambda: {"health": {}}, reports)
    next(events)
    closing = threading.Timer(0.2, reports.close)
    closing.start()
    began_s = time.monotonic()
    assert list(events) == []
    assert time.monotonic() - began_s < 0.8  # no heartbeat is waited for
    closing.join()
