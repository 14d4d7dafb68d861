"""Drills: the wall clock jumps by years."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from drill import Lab, drill, left_out
from drilled import is_whole, until

_JUMPS = ("+10y", "-20y", "+15y", "-1y", "+0")


def _libfaketime() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        left_out("apt-get install faketime")
    return str(found[0])


@drill(
    "the wall clock jumps by 10 to 35 years, forwards and backwards, and is right at the end",
    "frames, stream, health check, code and LEDs go on; sessions are valid again with the right "
    "clock; the history keeps the minutes of the last day, the database is intact",
)
def clock_jumps(lab: Lab) -> str:
    told = lab.folder / "time"
    told.write_text("+0\n")
    device = lab.live(
        environ={
            "LD_PRELOAD": _libfaketime(),
            "FAKETIME_TIMESTAMP_FILE": str(told),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        },
    )
    until("the history is on disk", device.history.exists, 20, device)
    cookie, viewer = device.log_in(), device.watch()
    rows = _recent(device.history)
    for jump in _JUMPS:
        told.write_text(f"{jump}\n")
        seen = viewer.frames
        time.sleep(3)
        assert device.is_well()
        until("the stream goes on", lambda n=seen: viewer.frames > n + 2, 10, device)
        assert device.failing == []
    assert device.knows(cookie)
    assert device.end() == 0
    assert is_whole(device.history)
    assert not list(device.state.glob("*.damaged-*"))
    assert rows <= {start for (start,) in _starts(device.history)}
    assert "Traceback" not in device.log, device.log
    return f"{len(_JUMPS)} of {len(_JUMPS)} jumps; {len(rows)} minutes are all there"


def _recent(history: Path) -> set[int]:
    """Add the minutes of the last hours; return their starts."""
    now = int(time.time()) // 60 * 60
    starts = range(now - 3 * 3600, now - 600, 60)
    with closing(sqlite3.connect(history, timeout=20)) as db, db:
        db.executemany("INSERT OR IGNORE INTO minutes VALUES (?, 60.0, '{}')", zip(starts))
    return set(starts)


def _starts(history: Path) -> list[tuple[int]]:
    with closing(sqlite3.connect(history)) as db:
        return list(db.execute("SELECT start_s FROM minutes"))
