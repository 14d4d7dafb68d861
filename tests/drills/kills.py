"""Drills: the process is killed, or ended while it starts."""

from __future__ import annotations

import itertools
import json
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from drill import Lab, drill
from drilled import Drilled, is_whole, until

sys.path.insert(0, str(Path(__file__).parents[1] / "edge"))
from signals import ENDING, attempts

_DAY_MINUTES = 1440
_FACES = json.dumps({"happy": 30.0})
_STARTS = 3  # every third kill hits a start


@drill(
    "SIGKILL at a random moment of running (two viewers, an event stream, rows that are deleted "
    "from the history) or of starting",
    "the next start works, the database is intact and keeps the last day, the access code and the "
    "sessions stay valid",
    is_short=True,
)
def sigkill(lab: Lab) -> str:
    first = lab.live()
    code, cookie = first.code, first.log_in()
    until("the history is on disk", lambda: _has_table(first), 20, first)
    kept = _fill(first)
    whole = during_start = 0
    device = first
    for number in range(lab.times):
        _load(device)
        time.sleep(lab.chance.uniform(0, 3))
        device.kill()
        if number % _STARTS == _STARTS - 1:
            during_start += 1
            starting = lab.device()
            time.sleep(lab.chance.uniform(0, 3))
            starting.kill()
        assert "Traceback" not in device.log, device.log
        assert is_whole(device.history)
        device = lab.live()
        assert device.code == code
        assert device.knows(cookie)
        assert _rows(device) >= kept
        assert not list(device.state.glob("*.damaged-*"))
        whole += 1
        _fill(device)
    assert device.end() == 0
    return f"{whole} of {lab.times} starts worked, after {lab.times + during_start} kills"


def _fill(device: Drilled) -> set[int]:
    """Add old minutes, which the device then deletes in batches; return what it must keep."""
    newest = int(time.time()) // 60 * 60 - 60
    old = range(newest - 60 * 12 * _DAY_MINUTES, newest - 60 * 2 * _DAY_MINUTES, 60)
    recent = range(newest - 60 * (_DAY_MINUTES // 2), newest - 600, 60)
    with closing(sqlite3.connect(device.history, timeout=20)) as db, db:
        db.executemany(
            "INSERT OR IGNORE INTO minutes VALUES (?, 60.0, ?)",
            ((start, _FACES) for start in (*old, *recent)),
        )
    return set(recent)


def _has_table(device: Drilled) -> bool:
    with closing(sqlite3.connect(device.history)) as db:
        return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = 'minutes'").fetchone())


def _rows(device: Drilled) -> set[int]:
    with closing(sqlite3.connect(device.history, timeout=20)) as db:
        return {start for (start,) in db.execute("SELECT start_s FROM minutes")}


def _load(device: Drilled) -> None:
    viewers = [device.watch() for _ in range(2)]
    until("both see frames", lambda: all(viewer.frames for viewer in viewers), 30, device)


@drill(
    "SIGTERM, SIGINT, SIGHUP or two of them at random moments of starting and running",
    "an orderly end within 3 s with exit code 0, the last minute on disk, no traceback",
)
def signals(lab: Lab) -> str:
    kinds = [*((one, one) for one in ENDING), *itertools.permutations(ENDING, 2)]
    orderly, wrong = 0, []
    for what, faults in attempts(lab.folder, kinds, lab.times * len(kinds), seed=1):
        orderly += not faults
        wrong += [f"{what}: {'; '.join(faults)}"] if faults else []
    assert not wrong, "\n".join(wrong)
    return f"{orderly} of {orderly} orderly"
