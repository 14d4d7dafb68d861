"""Downloads of the history: one at a time, in pieces, and with rests."""

import csv
import http.client
import json
import math
import socket
import sqlite3
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from flask import Flask
from gated import Clock
from history_pages import app_of
from watched import REPORT

from edge.datatypes import Period
from edge.history.history import History
from edge.history.recorder import HistoryFile
from edge.web.server.server import WebServer


@pytest.fixture
def file(tmp_path: Path) -> Iterator[HistoryFile]:
    """Five days on disk."""
    path = tmp_path / "history.sqlite3"
    file = HistoryFile(path, History(), days=90)
    file.show(REPORT)
    newest = int(time.time()) // 60 * 60 - 120
    with sqlite3.connect(path) as db:
        minutes = ((newest - 60 * n, 60.0, '{"happy": 30.0}') for n in range(5 * 1440))
        db.executemany("INSERT INTO minutes VALUES (?, ?, ?)", minutes)
    db.close()
    yield file
    file.close()


class Counted:
    """A history that counts how many read it at once."""

    def __init__(self, file: HistoryFile) -> None:
        self.file = file
        self.now = self.most = self.all = 0

    def minutes(self, last_s: float) -> Iterable[Period]:
        self.now, self.all = self.now + 1, self.all + 1
        self.most = max(self.most, self.now)
        try:
            yield from self.file.minutes(last_s)
        finally:
            self.now -= 1

    def steps(self, last_s: float) -> Sequence[Period]:
        return self.file.steps(last_s)


@pytest.fixture
def serve() -> Iterator[Callable[[Flask], int]]:
    servers = []

    def start(app: Flask) -> int:
        servers.append(WebServer(app, "127.0.0.1", 0, threads=20))
        servers[-1].start()
        return servers[-1].port

    yield start
    for server in servers:
        server.stop()


def downloaded(port: int) -> str:
    """Return the CSV; a device that is busy is asked again, sooner than it says."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/api/history.csv?days=90")
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        if answer.status == 200:
            return body
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "another download is running; try again" in json.loads(body)["error"]
        time.sleep(0.02)


def test_sixteen_downloads_run_one_after_the_other(
    file: HistoryFile, serve: Callable[[Flask], int]
) -> None:
    counted = Counted(file)
    rests: list[float] = []
    port = serve(app_of(counted, sleep=rests.append))
    bodies: list[str] = []
    threads = [threading.Thread(target=lambda: bodies.append(downloaded(port))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [body.count("\n") for body in bodies] == [5 * 1440 + 1] * 16
    assert (counted.most, counted.all) == (1, 16)
    assert len(rests) >= 16 * 5 * 1440 / 100  # one after each hundred lines
    assert all(rest > 0 for rest in rests)


def test_a_client_that_goes_away_gives_its_turn_back(
    file: HistoryFile, serve: Callable[[Flask], int]
) -> None:
    counted = Counted(file)
    port = serve(app_of(counted))
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /api/history.csv?days=90 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert downloaded(port).count("\n") == 5 * 1440 + 1
    assert counted.most == 1


def test_a_turn_is_given_back_without_a_download_too(file: HistoryFile) -> None:
    client = app_of(file).test_client()
    for _ in range(3):
        with client.head("/api/history.csv") as answer:
            assert answer.status_code == 200
        assert client.get("/api/history.csv?days=x").status_code == 400
    assert client.get("/api/history.csv").status_code == 200


def test_a_client_that_stalls_keeps_its_turn_for_a_minute(file: HistoryFile) -> None:
    clock = Clock()
    client = app_of(file, clock=clock, sleep=lambda _: None).test_client()
    stalled = client.get("/api/history.csv?days=90")
    clock.now_s += 59
    assert client.get("/api/history.csv?days=90").status_code == 503
    clock.now_s += 2
    other = client.get("/api/history.csv?days=90")
    assert other.status_code == 200
    with pytest.raises(ConnectionAbortedError):
        assert stalled.text
    stalled.close()
    assert client.get("/api/history.csv?days=90").status_code == 503  # the other has the turn
    assert other.text.count("\n") == 5 * 1440 + 1
    assert client.get("/api/history.csv?days=90").status_code == 200


def test_a_device_that_is_slow_itself_loses_no_turn(file: HistoryFile) -> None:
    clock = Clock()

    def sleep(_: float) -> None:
        clock.now_s += 100
        assert client.get("/api/history.csv?days=90").status_code == 503

    client = app_of(file, clock=clock, sleep=sleep).test_client()
    assert client.get("/api/history.csv?days=90").text.count("\n") == 5 * 1440 + 1


def test_a_client_that_stalls_while_it_is_alone_gets_the_rest(file: HistoryFile) -> None:
    clock = Clock()
    stalled = app_of(file, clock=clock, sleep=lambda _: None).test_client().get("/api/history.csv")
    clock.now_s += 3600
    assert stalled.text.count("\n") == 5 * 1440 + 1


def test_a_download_that_stalls_keeps_no_transaction_open(
    file: HistoryFile, tmp_path: Path
) -> None:
    stalled = app_of(file).test_client().get("/api/history.csv?days=90")
    with sqlite3.connect(tmp_path / "history.sqlite3") as db:
        db.execute("DELETE FROM minutes WHERE start_s % 120")
        db.commit()
        (is_busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    db.close()
    assert is_busy == 0
    assert stalled.text.count("\n") < 5 * 1440


def test_a_download_takes_the_memory_of_a_few_pieces(file: HistoryFile) -> None:
    answer = app_of(file, sleep=lambda _: None).test_client().get("/api/history.csv?days=90")
    tracemalloc.start()
    try:
        lines = sum(piece.count(b"\n") for piece in answer.iter_encoded())
        (_, peak_bytes) = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert lines == 5 * 1440 + 1
    assert peak_bytes < 1_000_000  # all rows at once are four times as much


def test_a_download_rests_longer_than_it_works(file: HistoryFile) -> None:
    clock = Clock()
    rests: list[float] = []

    class Slow(Counted):
        def minutes(self, last_s: float) -> Iterable[Period]:
            for minute in super().minutes(last_s):
                clock.now_s += 0.001
                yield minute

    client = app_of(Slow(file), worked_s=clock, sleep=rests.append).test_client()
    assert client.get("/api/history.csv?days=90").text
    assert sum(rests) >= 2 * 0.99 * 5 * 1440 * 0.001
    assert max(rests) <= 0.25


def test_rows_that_hold_no_minute_cost_no_answer(file: HistoryFile, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "history.sqlite3") as db:
        for n, text in enumerate(('{"happy": NaN}', '{"happy": Infinity}', "[" * 9000)):
            start_s = "(SELECT max(start_s) FROM minutes)"
            for back_s in (60 * n, 2 * 86400 + 60 * n):
                change = f"UPDATE minutes SET face_s = ? WHERE start_s = {start_s} - {back_s}"  # noqa: S608
                db.execute(change, (text,))
        db.execute(f"UPDATE minutes SET watched_s = 9e999 WHERE start_s = {start_s} - 600")  # noqa: S608
    db.close()
    again = HistoryFile(tmp_path / "history.sqlite3", History(), days=90)
    again.show(REPORT)
    client = app_of(again, sleep=lambda _: None).test_client()
    text = client.get("/api/history?minutes=1440").text
    assert "NaN" not in text
    assert "Infinity" not in text
    assert len(json.loads(text)["minutes"]) == pytest.approx(1440 - 2 - 4, abs=1)
    rows = list(csv.DictReader(client.get("/api/history.csv?days=90").text.splitlines()))
    assert len(rows) == 5 * 1440 - 7
    assert all(math.isfinite(float(row["faces"])) for row in rows)
    again.close()
