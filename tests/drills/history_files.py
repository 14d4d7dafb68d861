"""Drills: the history's file is damaged, of a newer version, or locked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from drill import Lab, drill
from drilled import Drilled, is_whole, until

_BACK = "output history-file is back"


def _ran_before(lab: Lab) -> Path:
    """Return the history of a device that has ended."""
    device = lab.live()
    until("the history is on disk", device.history.exists, 20, device)
    assert device.end() == 0
    return device.history


def _is_replaced(device: Drilled, soon_s: float) -> float:
    """Return after how many seconds a new file is in the place of one that was set aside."""
    after_s = until(
        "the old file is set aside",
        lambda: device.failing == [] and list(device.state.glob("*.damaged-*")),
        soon_s,
        device,
    )
    assert device.logged("the file is kept as") == 1, device.log
    assert device.infers()
    assert device.end() == 0
    assert is_whole(device.history)
    assert "Traceback" not in device.log
    return after_s


@drill(
    "the history's file is overwritten with noise: before the start, and while the device runs",
    "it is set aside under another name, one line says so, a new file is written; while it ran, "
    "with the minutes of the last day",
)
def history_damaged(lab: Lab) -> str:
    path = _ran_before(lab)
    path.write_bytes(b"noise" * 2000)
    before_s = _is_replaced(lab.live(), lab.soon_s)
    for copy in path.parent.glob("*.damaged-*"):
        copy.unlink()
    device = lab.live()
    until("the history is on disk", device.history.exists, 20, device)
    other = path.with_name("other")
    other.write_bytes(b"noise" * 2000)
    other.replace(path)
    running_s = _is_replaced(device, lab.soon_s)
    return f"replaced {before_s:.1f} s after the start; {running_s:.1f} s after the damage"


@drill(
    "the history's file has the version of a newer release",
    "it is set aside, not written to; one line says so; the device runs with a new file",
)
def history_of_a_newer_version(lab: Lab) -> str:
    path = _ran_before(lab)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
        db.commit()
    after_s = _is_replaced(lab.live(), lab.soon_s)
    (kept,) = (copy for copy in path.parent.glob("*.damaged-*") if copy.suffix[-2:].isdigit())
    with closing(sqlite3.connect(kept)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)
    return f"set aside {after_s:.1f} s after the start"


@drill(
    "another program has locked the history's file, and closes it later",
    "the page and inference go on; history-file is failing within 2 s; one line down and one back; "
    "the file is not set aside",
)
def history_locked(lab: Lab) -> str:
    path = _ran_before(lab)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        device = lab.live()
        down_s = until("shown", lambda: device.failing == ["history-file"], lab.soon_s, device)
        until("logged", lambda: device.logged("another program has locked it"), 10, device)
        assert device.is_well()
    back_s = until("its end is shown", lambda: device.failing == [], 45, device)
    until("its end is logged", lambda: device.logged(_BACK), 5, device)
    assert device.logged("output history-file") == 2, device.log
    assert list(path.parent.glob("*.damaged-*")) == []
    assert device.end() == 0
    assert is_whole(path)
    return f"shown {down_s:.1f} s after the start, back {back_s:.1f} s after it was closed"
