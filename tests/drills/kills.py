"""Drills: the process is killed, or ended while it starts."""

from __future__ import annotations

import itertools
import json
import sqlite3
import time
from contextlib import closing

from drill import Lab, drill
from drilled import Drilled, is_whole, until
from signals import ENDING, after, attempts, ended

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
    "SIGTERM, SIGINT or SIGHUP at a random moment of starting",
    "an end within 3 s, no traceback; the next start works",
)
def signal_while_starting(lab: Lab) -> str:
    wrong = []
    for number, one in itertools.product(range(lab.times), ENDING):
        folder, after_s = lab.folder / f"{number}-{one.name}", lab.chance.uniform(0, 2.5)
        folder.mkdir()
        faults = ended(folder, one, gap_s=0, when=after(after_s))
        wrong += [f"{one.name} after {after_s:.2f} s: {'; '.join(faults)}"] if faults else []
    assert not wrong, "\n".join(wrong)
    assert lab.live(state={"folder": str(folder)}).end() == 0
    return f"{lab.times * len(ENDING)} of {lab.times * len(ENDING)} ended in order"


@drill(
    "two signals out of SIGTERM, SIGINT and SIGHUP, up to half a second apart, while it runs and, "
    "one in four, while it starts",
    "an end within 3 s with exit code 0, the last minute on disk, no traceback",
)
def two_signals(lab: Lab) -> str:
    kinds = [*((one, one) for one in ENDING), *itertools.permutations(ENDING, 2)]
    number, wrong = lab.times * len(kinds), []
    for what, faults in attempts(lab.folder, kinds, number, seed=1):
        wrong += [f"{what}: {'; '.join(faults)}"] if faults else []
    assert not wrong, "\n".join(wrong)
    return f"{number} of {number} ended in order"
