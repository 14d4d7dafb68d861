"""Rows of the history's file that nothing valid has written."""

import contextlib
import json
import math
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from watched import (
    DAY_S,
    NOON,
    REPORT,
    Room,
    be_told,
    fill,
    watch_and_write,
)

DEEP = "[" * 8000 + "]" * 8000
GOOD = '{"happy": 30.0}'


class TestInvalidRows:
    """A row that is no minute of ours costs itself, and no answer."""

    @pytest.mark.parametrize(
        ("watched_s", "face_s"),
        [
            *((60.0, f'{{"happy": {s}}}') for s in ("NaN", "Infinity", "-1", "1e308", '"5"')),
            *((60.0, f'{{"happy": {s}}}') for s in ("true", "null", "[1]", "9" * 5000)),
            *((60.0, text) for text in (DEEP, f'{{"happy": {DEEP}}}', "[]", "7", "", "{", "null")),
            (60.0, '{"happy": 1.0' + " " * 100_000 + "}"),
            (60.0, b"\xff\xfe\x00"),
            (60.0, b'{"happy": 30.0}'),
            *((value, GOOD) for value in (math.inf, -math.inf, -1.0, 1e300, "x", b"x", 1e-320)),
        ],
    )
    def test_it_is_left_out(
        self, room: Room, path: Path, caplog: pytest.LogCaptureFixture, watched_s: Any, face_s: Any
    ) -> None:
        days_ago = NOON - 3 * DAY_S
        for start in (days_ago, NOON - 120):
            fill(path, start - 60, start + 60)
            with sqlite3.connect(path) as db:
                db.execute("INSERT INTO minutes VALUES (?, ?, ?)", (start, watched_s, face_s))
            db.close()
        file = room.file(path)
        file.show(REPORT)
        starts = [days_ago - 60, days_ago + 60, NOON - 180, NOON - 60]
        for _ in range(3):
            assert [m.start_s for m in file.minutes(7 * DAY_S)] == starts
        assert [m.start_s for m in file.minutes(3600)] == starts[2:]
        assert caplog.text.count("2 rows hold no valid minute") == 1

    def test_text_that_is_not_utf8(self, room: Room, path: Path) -> None:
        fill(path, NOON - 3 * DAY_S, NOON - 3 * DAY_S + 120)
        with sqlite3.connect(path) as db:
            bad = "INSERT INTO minutes VALUES (?, 60, CAST(x'7b22ff223a317d' AS TEXT))"
            db.execute(bad, (NOON - 3 * DAY_S + 60,))
        db.close()
        file = room.file(path)
        file.show(REPORT)
        assert len(list(file.minutes(7 * DAY_S))) >= 2

    def test_random_garbage_in_every_column(self, room: Room, path: Path) -> None:
        rng = random.Random(12)  # noqa: S311 (garbage, the same at each run)
        good = [NOON - 2 * DAY_S + 60 * n for n in range(0, 400, 2)]
        fill(path, *good)
        with sqlite3.connect(path) as db:
            for _ in range(600):
                start = rng.choice([good[0] + 60 + 120 * rng.randrange(200), garbage(rng)])
                values = (start, garbage(rng), rng.choice([garbage(rng), half_json(rng)]))
                with contextlib.suppress(sqlite3.Error, OverflowError):
                    db.execute("INSERT OR IGNORE INTO minutes VALUES (?, ?, ?)", values)
        db.close()
        file = room.file(path)
        file.show(REPORT)
        found = list(file.minutes(7 * DAY_S))
        starts = [m.start_s for m in found]
        assert set(good) <= set(starts)
        assert starts == sorted(set(starts))
        assert all(NOON - 7 * DAY_S < start <= NOON for start in starts)
        for minute in found:
            answer = [minute.watched_s, minute.faces, *minute.shares(("happy", "sad")).values()]
            assert all(map(math.isfinite, answer))
            assert min(answer) >= 0
        be_told(room, file, 130)
        watch_and_write(room, file, 150)


def garbage(rng: random.Random) -> Any:
    makers: list[Callable[[], Any]] = [
        lambda: rng.choice([None, math.inf, -math.inf, 0, -1, 2**63 - 1, -(2**63), 1e308, 5e-324]),
        lambda: rng.randbytes(rng.randrange(40)),
        lambda: "".join(chr(rng.randrange(1, 0x250)) for _ in range(rng.randrange(40))),
        lambda: rng.uniform(-1e6, 1e6),
        lambda: rng.randrange(NOON - 9 * DAY_S, NOON + DAY_S),
        lambda: rng.choice([DEEP, GOOD, "NaN", '{"happy": NaN}']),
    ]
    return rng.choice(makers)()


def half_json(rng: random.Random) -> str:
    text = list(json.dumps({"happy": rng.uniform(-9, 99), "sad": rng.choice([1, "x", None])}))
    for _ in range(rng.randrange(3)):
        text[rng.randrange(len(text))] = rng.choice('{}[]",:0e9N- ')
    return "".join(text)
