"""The history's addresses: for the page's timeline and for a spreadsheet."""

import csv
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from gated import BEARER, Device
from history_pages import app_of

from edge.datatypes import Period
from edge.history.history import History


@pytest.fixture
def minute() -> int:
    """The start of a minute that is just over."""
    return int(time.time()) // 60 * 60 - 120


@pytest.fixture
def device(device: Device, minute: int) -> Device:
    device.history.restore(
        [
            Period(start_s=minute - 3 * 3600, watched_s=60.0, face_s={"sad": 60.0}),
            Period(start_s=minute, watched_s=40.0, face_s={"happy": 30.0, "uncertain": 10.0}),
            Period(start_s=minute + 60, watched_s=60.0, face_s={}),
        ]
    )
    return device


def history(client: FlaskClient, query: str) -> Any:
    answer = client.get(f"/api/history{query}", headers=BEARER)
    assert answer.status_code == 200
    return answer.get_json()


def test_the_last_minutes_oldest_first(client: FlaskClient, minute: int) -> None:
    for query in ("", "?minutes=10"):
        assert history(client, query) == {
            "labels": ["happy", "sad"],
            "step_s": 60,
            "minutes": [
                {
                    "t": minute,
                    "watched_s": 40.0,
                    "faces": 1.0,
                    "shares": {"happy": 0.75, "sad": 0.0, "uncertain": 0.25},
                },
                {
                    "t": minute + 60,
                    "watched_s": 60.0,
                    "faces": 0.0,
                    "shares": {"happy": 0.0, "sad": 0.0, "uncertain": 0.0},
                },
            ],
        }
    assert len(history(client, "?minutes=1440")["minutes"]) == 3


def test_the_timeline_says_its_step(client: FlaskClient) -> None:
    assert history(client, "?seconds=600&step=5")["step_s"] == 5
    assert history(client, "?seconds=600")["step_s"] == 5
    assert history(client, "?seconds=600&step=5")["minutes"] == []


def test_csv_for_a_spreadsheet(client: FlaskClient, minute: int) -> None:
    answer = client.get("/api/history.csv?days=7", headers=BEARER)
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert [row["watched_s"] for row in rows] == ["60.0", "40.0", "60.0"]
    assert [row["faces"] for row in rows] == ["1.000", "1.000", "0.000"]
    assert rows[1]["happy"] == "0.7500"
    assert rows[1]["time_utc"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(minute))


@pytest.mark.parametrize(
    "query",
    [
        *(
            "?minutes=0",
            "?minutes=1441",
            "?minutes=-1",
            "?minutes=ten",
            "?minutes=",
            "?minutes=1e3",
        ),
        *("?seconds=901&step=5", "?seconds=600&step=1", "?step=60", "?minutes=" + "9" * 5000),
        *(".csv?days=0", ".csv?days=91", ".csv?days=\u0663"),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_range(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/history{query}", headers=BEARER)
    assert answer.status_code == 400
    assert ": expected " in answer.get_json()["error"]
    assert len(answer.text) < 250


def test_a_minute_that_came_twice_is_a_minute(client: FlaskClient, minute: int) -> None:
    device = History()
    twice = Period(start_s=minute, watched_s=90.0, face_s={"happy": 90.0, "sad": 45.0})
    device.restore([twice])
    answers = app_of(device).test_client()
    (told,) = answers.get("/api/history").get_json()["minutes"]
    assert told["watched_s"] == 60.0
    assert told["faces"] == 1.5
    assert told["shares"]["happy"] == 0.6667
    (row,) = csv.DictReader(answers.get("/api/history.csv").text.splitlines())
    assert (row["watched_s"], row["faces"]) == ("60.0", "1.500")
