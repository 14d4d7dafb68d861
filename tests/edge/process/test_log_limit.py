"""Who can make the device log something cannot fill its disk with it."""

import http.client
import json
import logging
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from signals import Device

from edge.process.log_limit import LogLimit


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def record(line: int, what: str) -> logging.LogRecord:
    return logging.LogRecord("a", logging.INFO, "a.py", line, "%s happened", (what,), None)


def test_ten_a_minute_of_each_place_pass_and_the_others_are_counted() -> None:
    clock = Clock()
    limit = LogLimit(clock)
    assert [limit.filter(record(1, "x")) for _ in range(50)] == [True] * 10 + [False] * 40
    assert limit.filter(record(2, "x"))
    clock.now_s += 59.9
    assert not limit.filter(record(1, "x"))
    clock.now_s += 0.1
    next_one, after = record(1, "y%"), record(1, "z")
    assert limit.filter(next_one)
    assert limit.filter(after)
    assert next_one.getMessage() == "y% happened (41 like it left out)"
    assert after.getMessage() == "z happened"


def test_of_what_happens_every_minute_thirty_an_hour_pass() -> None:
    clock = Clock()
    limit = LogLimit(clock)
    passed = []
    for minute in range(24 * 60):
        clock.now_s = minute * 60.0
        if limit.filter(output := record(1, "x")):
            passed.append(output.getMessage())
    assert len(passed) == 24 * 30
    assert passed[:31] == ["x happened"] * 30 + ["x happened (30 like it left out)"]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(folder=tmp_path)
    yield device
    device.kill()


def test_a_flood_of_pauses_does_not_fill_the_log(device: Device) -> None:
    port = int(device.says(r"http://\S+:(\d+)")[1])
    device.says("first frame")
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
        for _ in range(150):
            for what in ("pause", "resume"):
                client.request("POST", f"/api/{what}", headers={"X-Emotion-Edge": "1"})
                assert "health" in json.load(client.getresponse())
    device.end(signal.SIGTERM)
    logged = [line for line in device.lines if line.startswith("INFO camera: ")]
    assert 10 < len(logged) <= 60
