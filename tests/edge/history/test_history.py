"""The history: what is added up, on which clock, and what a power cut leaves on disk."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from watched import NOON, REPORT, Room, rows

from edge.datatypes import CameraState, Period
from edge.errors import OutputError
from edge.history.history import History
from edge.history.recorder import HistoryFile

LABELS = ("happy", "sad")


@pytest.fixture
def room() -> Room:
    return Room()


def test_shares_are_of_the_time_of_all_faces(room: Room) -> None:
    room.tell()
    room.watch(10, "happy", "sad")
    room.watch(20, None)
    room.watch(20)
    (minute,) = room.history.minutes(3600)
    assert minute.start_s == NOON
    assert minute.watched_s == pytest.approx(50)
    assert minute.faces == pytest.approx(40 / 50)
    shares = minute.shares(LABELS)
    assert list(shares) == ["happy", "sad", "uncertain"]
    assert shares == pytest.approx({"happy": 0.25, "sad": 0.25, "uncertain": 0.5})


def test_a_minute_with_nobody_in_it_is_there_and_empty(room: Room) -> None:
    room.tell()
    room.watch(10)
    (minute,) = room.history.minutes(3600)
    assert minute.faces == 0
    assert minute.shares(LABELS) == {"happy": 0, "sad": 0, "uncertain": 0}


@pytest.mark.parametrize("fps", [2, 30])
def test_the_frame_rate_does_not_matter(room: Room, fps: float) -> None:
    room.tell()
    room.watch(120, "happy", fps=fps)
    assert [m.watched_s for m in room.history.minutes(3600)][:2] == pytest.approx([60, 60], abs=1)


@pytest.mark.parametrize("camera", [CameraState.PAUSED, CameraState.LOST, CameraState.STARTING])
def test_only_a_live_camera_counts(room: Room, camera: CameraState) -> None:
    room.tell()
    room.watch(10, "happy")
    for _ in range(100):
        room.pass_by(0.1)
        room.tell("happy", camera=camera)
    room.watch(10, "happy")
    assert sum(m.watched_s for m in room.history.minutes(3600)) == pytest.approx(20, abs=0.2)


def test_nobody_watched_during_a_gap(room: Room) -> None:
    room.tell()
    room.watch(10, "happy")
    room.pass_by(300)
    room.watch(10, "happy")
    minutes = room.history.minutes(3600)
    assert [m.start_s - NOON for m in minutes] == [0, 300]  # the five between are missing
    assert sum(m.watched_s for m in minutes) == pytest.approx(20, abs=0.2)


def test_the_timeline_has_steps_of_five_seconds(room: Room) -> None:
    room.tell()
    room.watch(18, "happy")
    room.watch(19, "sad")
    steps = room.history.steps(600)
    assert [s.start_s - NOON for s in steps] == list(range(0, 40, 5))
    assert steps[1].shares(LABELS)["happy"] == 1
    assert steps[6].shares(LABELS)["sad"] == 1
    assert [s.start_s - NOON for s in room.history.steps(13)] == [25, 30, 35]


def test_memory_is_bounded(room: Room) -> None:
    room.tell()
    room.watch(25 * 3600, "happy", fps=0.6)
    assert len(room.history.minutes(10**6)) == 24 * 60
    assert len(room.history.steps(10**6)) == 15 * 60 / 5
    assert len(room.history.finished()) == 24 * 60


def test_a_clock_that_leaps_ahead_leaves_a_gap(room: Room) -> None:
    room.tell()
    room.watch(30, "happy")
    room.wall_s += 7200  # a time server was heard
    room.watch(30, "sad")
    first, second = room.history.minutes(10**6)
    assert (first.start_s, first.watched_s) == (NOON, pytest.approx(30, abs=0.2))
    assert (second.start_s, second.watched_s) == (NOON + 7200, pytest.approx(30, abs=0.2))


def test_a_minute_that_comes_twice_is_added_up(room: Room) -> None:
    room.tell()
    room.watch(155, "happy")
    room.wall_s -= 125
    room.watch(40, "sad")
    minutes = {m.start_s - NOON: m for m in room.history.minutes(3600)}
    assert list(minutes) == [0, 60]  # what lies ahead of the clock is not yet to be seen
    assert minutes[0].watched_s == pytest.approx(60 + 30, abs=0.3)
    assert minutes[60].watched_s == pytest.approx(60 + 10, abs=0.3)
    assert all(0 <= share <= 1 for m in minutes.values() for share in m.shares(LABELS).values())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite3"


@pytest.fixture
def kept(room: Room, path: Path) -> Iterator[HistoryFile]:
    kept = room.file(path)
    yield kept
    kept.close()


def test_minutes_are_written_when_they_are_over(room: Room, kept: HistoryFile, path: Path) -> None:
    room.tell()
    room.watch(59, "happy")
    kept.show(REPORT)
    assert rows(path) == []
    room.watch(62, "happy", "sad")
    kept.show(REPORT)
    kept.show(REPORT)
    ((start_s, watched_s, face_s), _) = rows(path)
    assert start_s == NOON
    assert watched_s == pytest.approx(60, abs=0.2)
    assert json.loads(face_s)["happy"] == pytest.approx(60, abs=0.2)


def test_a_restart_within_a_minute_loses_nothing(room: Room, kept: HistoryFile, path: Path) -> None:
    room.tell()
    room.watch(20, "happy")
    kept.close()
    again = Room(History(lambda: room.wall_s))
    file = HistoryFile(path, again.history, days=7, clock=lambda: room.wall_s)
    file.show(REPORT)
    (restored,) = again.history.minutes(3600)
    assert restored.face_s == pytest.approx({"happy": 20})
    again.tell()
    again.watch(20, "sad")
    file.close()
    assert json.loads(rows(path)[0][2]) == pytest.approx({"happy": 20, "sad": 20})
    (both,) = again.history.minutes(3600)
    assert both.face_s == pytest.approx({"happy": 20, "sad": 20})


def test_what_is_too_old_is_deleted(room: Room, kept: HistoryFile, path: Path) -> None:
    room.tell()
    room.watch(120, "happy")
    kept.show(REPORT)
    room.pass_by(7 * 24 * 3600)
    room.watch(120, "sad")
    kept.show(REPORT)
    assert min(start for start, _, _ in rows(path)) >= room.wall_s - 7 * 24 * 3600


def test_what_is_too_old_is_not_told_either(room: Room, kept: HistoryFile) -> None:
    room.tell()
    room.watch(120, "happy")
    kept.show(REPORT)
    room.pass_by(8 * 24 * 3600)
    later = room.started_again(kept._path)
    assert list(later.minutes(90 * 24 * 3600)) == []


def test_a_clock_that_is_wrong_for_a_minute_costs_nothing(
    room: Room, kept: HistoryFile, path: Path
) -> None:
    room.tell()
    room.watch(40 * 60, "happy")
    kept.show(REPORT)
    before = len(rows(path))
    room.wall_s += 10 * 365 * 24 * 3600
    room.watch(61, "sad")
    kept.show(REPORT)
    room.wall_s -= 10 * 365 * 24 * 3600
    assert len(rows(path)) >= before


def test_a_week_is_read_from_disk_and_the_last_day_from_memory(
    room: Room, kept: HistoryFile
) -> None:
    room.tell()
    room.watch(125, "happy")
    kept.show(REPORT)
    room.pass_by(3 * 24 * 3600)
    later = room.started_again(kept._path)
    room.tell()
    room.watch(30, "sad")
    week = list(later.minutes(7 * 24 * 3600))
    assert [max(m.face_s, key=m.face_s.__getitem__) for m in week] == ["happy", "happy", "sad"]
    assert list(later.minutes(3600)) == room.history.minutes(3600)


@pytest.mark.parametrize("damage", ["noise", "middle", "version"])
def test_a_damaged_file_is_kept_aside_and_a_new_one_begun(
    room: Room, path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = room.file(path)
    room.tell()
    room.watch(100 * 60, "happy", fps=1)
    file.show(REPORT)
    file.close()
    with path.open("r+b") as raw:
        if damage == "noise":
            raw.write(b"noise" * 1000)
        elif damage == "middle":
            raw.seek(4096)
            raw.write(b"\xff" * 4096)
        else:
            raw.seek(60)
            raw.write(b"\0\0\0\x63")
    os.utime(path, (room.wall_s, room.wall_s))
    again = room.started_again(path)
    room.tell()
    room.watch(61, "sad", fps=1)
    again.show(REPORT)
    assert len(rows(path)) == 1
    assert len(list(path.parent.glob("history.sqlite3.damaged-*"))) == 1
    assert "the file is kept as history.sqlite3.damaged-" in caplog.text
    again.close()


def test_a_full_disk_is_an_output_that_fails_and_is_made_up_for(
    room: Room, kept: HistoryFile, path: Path
) -> None:
    room.tell()
    room.watch(130, "happy")
    kept.show(REPORT)
    assert kept._db
    pages = kept._db.execute("PRAGMA page_count").fetchone()[0]
    kept._db.execute(f"PRAGMA max_page_count = {pages}")
    room.watch(600 * 60, "happy", "sad", fps=1)
    with pytest.raises(OutputError, match="disk is full; free some space"):
        kept.show(REPORT)
    assert len(room.history.minutes(10**6)) > 600
    kept.show(REPORT)  # opened again, without the limit
    assert [start for start, _, _ in rows(path)] == [NOON + 60 * n for n in range(602)]


def test_a_folder_that_is_not_there_is_an_output_that_fails(room: Room, tmp_path: Path) -> None:
    file = room.file(tmp_path / "unplugged" / "state" / "history.sqlite3")
    with pytest.raises(OutputError, match=r"No such file or directory; check that"):
        file.show(REPORT)
    with pytest.raises(OutputError):
        file.close()


WRITER = textwrap.dedent("""
    import itertools, sys
    from pathlib import Path
    from watched import NOON, REPORT, Room
    from edge.history.recorder import HistoryFile

    room = Room()
    room.wall_s += int(sys.argv[2])
    file = HistoryFile(Path(sys.argv[1]), room.history, days=90, clock=lambda: room.wall_s)
    room.tell("happy")
    for _ in itertools.count():
        room.watch(60, "happy", "sad", fps=1)
        file.show(REPORT)
        print(int(room.wall_s) - 60, flush=True)
""")


def test_a_power_cut_loses_at_most_the_last_minute_and_never_the_file(path: Path) -> None:
    written: set[int] = set()
    folders = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    for number in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(number * 86400)],
            env={**os.environ, "PYTHONPATH": folders},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout
        for _ in range(1 + 7 * number):
            written.add(int(writer.stdout.readline()))
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate()
        written |= {int(line) for line in rest.splitlines() if line}
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
        assert written <= {start for start, _, _ in rows(path)}
    assert len(written) > 100


def test_nothing_about_anybody_is_in_the_file(room: Room, kept: HistoryFile, path: Path) -> None:
    room.tell()
    room.watch(120, "happy")
    kept.show(REPORT)
    with sqlite3.connect(path) as db:
        columns = [name for _, name, *_ in db.execute("PRAGMA table_info(minutes)")]
    db.close()
    assert columns == ["start_s", "watched_s", "face_s"]


def test_periods_of_nothing_divide_by_nothing() -> None:
    empty = Period(start_s=0, watched_s=0.0, face_s={})
    assert empty.faces == 0
    assert set(empty.shares(LABELS).values()) == {0.0}
