"""The last week by the hour, and the history as JSON."""

import json
import time
from collections.abc import Iterator

import pytest
from flask import Flask

from edge.datatypes import Period
from edge.web.history import add_history
from edge.web.history_download import add_downloads
from edge.web.history_hours import HourSums

HOUR_S = 3600


class Recorded:
    """Minutes, and how often they were read."""

    def __init__(self, minutes: list[Period]) -> None:
        self.recorded = minutes
        self.read = 0

    def minutes(self, last_s: float) -> Iterator[Period]:
        self.read += 1
        now_s = time.time()
        return (m for m in self.recorded if now_s - last_s < m.start_s <= now_s)

    def steps(self, last_s: float) -> list[Period]:
        return []


def minutes_of(hours_ago: int, count: int, **face_s: float) -> list[Period]:
    start_s = (int(time.time()) // HOUR_S - hours_ago) * HOUR_S
    return [Period(start_s=start_s + 60 * n, watched_s=60.0, face_s=face_s) for n in range(count)]


def test_minutes_are_summed_by_their_hour() -> None:
    history = Recorded([*minutes_of(30, 10, sad=60.0), *minutes_of(2, 45, happy=30.0, sad=30.0)])
    sums = HourSums(history)
    (hour,) = sums.last(24)
    assert hour.start_s == history.recorded[-1].start_s // HOUR_S * HOUR_S
    assert hour.watched_s == 45 * 60
    assert hour.face_s == {"happy": 45 * 30, "sad": 45 * 30}
    assert [h.watched_s for h in sums.last(168)] == [600, 45 * 60]


def test_they_are_summed_at_most_twice_a_minute() -> None:
    times_s = iter((0.0, 1.0, 29.0, 30.0, 31.0, 59.0))
    history = Recorded(minutes_of(1, 5, happy=60.0))
    sums = HourSums(history, clock=lambda: next(times_s))
    for _ in range(6):
        assert len(sums.last(24)) == 1
    assert history.read == 2


def test_the_present_hour_is_the_last_one() -> None:
    now_s = 1_800_000_000.0
    sums = HourSums(Recorded([]), wall_clock=lambda: now_s)
    assert sums.last(24) == []


@pytest.fixture
def app() -> Flask:
    app = Flask("history")
    history = Recorded(minutes_of(1, 3, happy=45.0, uncertain=15.0))
    add_history(app, history, ("happy", "sad"))
    add_downloads(app, history, ("happy", "sad"), sleep=lambda _: None)
    return app


def test_the_page_asks_by_hours(app: Flask) -> None:
    answer = app.test_client().get("/api/history?hours=24").get_json()
    assert answer["step_s"] == HOUR_S
    (hour,) = answer["minutes"]
    assert hour["watched_s"] == 180
    assert hour["faces"] == 1
    assert hour["shares"] == {"happy": 0.75, "sad": 0.0, "uncertain": 0.25}
    for wrong in ("0", "169", "x", ""):
        assert app.test_client().get(f"/api/history?hours={wrong}").status_code == 400


def test_json_has_the_minutes_of_the_csv(app: Flask) -> None:
    client = app.test_client()
    answer = client.get("/api/history.json?days=7")
    assert answer.mimetype == "application/json"
    assert 'filename="emotion-edge-history.json"' in answer.headers["Content-Disposition"]
    told = json.loads(answer.text)
    assert (told["labels"], told["step_s"]) == (["happy", "sad"], 60)
    times = [minute["time_utc"] for minute in told["minutes"]]
    rows = client.get("/api/history.csv?days=7").text.splitlines()[1:]
    assert times == [row.partition(",")[0] for row in rows]
    assert told["minutes"][0]["shares"]["happy"] == 0.75


def test_json_of_an_empty_history_is_json() -> None:
    app = Flask("history")
    add_downloads(app, Recorded([]), ("happy",), sleep=lambda _: None)
    assert json.loads(app.test_client().get("/api/history.json").text)["minutes"] == []
