"""The history's file: what is deleted and when, who may read it, and a disk that comes and goes."""

import contextlib
import json
import math
import os
import random
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from watched import NOON, REPORT, Room, rows

from edge.app import _open_history_file
from edge.config import Config, load_config
from edge.datatypes import CameraState, Period
from edge.errors import OutputError
from edge.history.history import History
from edge.history.recorder import HistoryFile
from edge.history.trusted_clock import TrustedClock

DAY_S = 24 * 3600
TEN_YEARS_S = 3650 * DAY_S


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite3"


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[HistoryFile]]:
    """The files that a room opens, closed at the end."""
    opened: list[HistoryFile] = []
    make = Room.file

    def file(self: Room, path: Path, **settings: Any) -> HistoryFile:
        opened.append(make(self, path, **settings))
        return opened[-1]

    monkeypatch.setattr(Room, "file", file)
    yield opened
    for one in opened:
        with contextlib.suppress(OutputError):
            one.close()


def fill(path: Path, *starts: int, face_s: str = '{"happy": 30.0}') -> None:
    """Write rows as an earlier run of the device has."""
    history = History(lambda: float(NOON))
    file = HistoryFile(path, history, days=90, clock=lambda: float(NOON))
    file.show(REPORT)
    file.close()
    with sqlite3.connect(path) as db:
        db.executemany("INSERT INTO minutes VALUES (?, 60.0, ?)", ((s, face_s) for s in starts))
    db.close()


def minutes_before(end_s: int, count: int) -> range:
    return range(end_s - 60 * count, end_s, 60)


def be_told(
    room: Room, file: HistoryFile, seconds: float, camera: CameraState = CameraState.PAUSED
) -> None:
    """Let time pass with a report each 0.2 s, as a paused device's."""
    for _ in range(round(seconds * 5)):
        room.pass_by(0.2)
        room.tell(camera=camera)
        file.show(REPORT)


class TestExpiry:
    """What is older than `days` is deleted, by a clock that can be trusted."""

    def test_fewer_days_delete_the_rest_within_minutes_even_while_paused(
        self, room: Room, path: Path
    ) -> None:
        fill(path, *minutes_before(NOON, 40 * 1440))
        size = path.stat().st_size
        file = room.file(path, days=7)
        be_told(room, file, 120)
        starts = [start for start, _, _ in rows(path)]
        assert len(starts) <= 7 * 1440
        assert starts[0] >= room.wall_s - 7 * DAY_S - 120
        assert starts[-1] == NOON - 60
        assert path.stat().st_size < size / 4  # the disk has its space back

    def test_each_deletion_is_a_small_transaction(self, room: Room, path: Path) -> None:
        fill(path, *minutes_before(NOON - 30 * DAY_S, 1200), *minutes_before(NOON, 100))
        file = room.file(path, days=7)
        be_told(room, file, 59)
        counts = [len(rows(path))]
        for _ in range(40):
            be_told(room, file, 0.2)
            counts.append(len(rows(path)))
        steps = [before - after for before, after in pairwise(counts)]
        assert counts[-1] == 100
        assert max(steps) <= 500

    def test_a_clock_that_no_server_set_is_trusted_after_an_even_hour(
        self, room: Room, path: Path
    ) -> None:
        fill(path, NOON - 30 * DAY_S, NOON - 60)
        file = room.file(path, synchronised=False)
        be_told(room, file, 60)
        assert len(rows(path)) == 2
        for _ in range(62):
            room.pass_by(59)
            be_told(room, file, 1)
        assert [start for start, _, _ in rows(path)] == [NOON - 60]

    @pytest.mark.parametrize("synchronised", [True, False])
    def test_a_leap_of_half_an_hour_by_ten_years_costs_nothing(
        self, room: Room, path: Path, synchronised: bool
    ) -> None:
        fill(path, *minutes_before(NOON, 3000))
        file = room.file(path, synchronised=synchronised)
        be_told(room, file, 10)
        room.wall_s += TEN_YEARS_S
        for _ in range(60):
            room.pass_by(29)
            be_told(room, file, 1)
        room.wall_s -= TEN_YEARS_S
        be_told(room, file, 10)
        assert len(rows(path)) == 3000

    def test_minutes_from_a_future_that_was_none_hide_nothing_and_go(
        self, room: Room, path: Path
    ) -> None:
        room.wall_s += TEN_YEARS_S
        room.tell()
        ahead = room.file(path)
        room.watch(130, "sad")
        ahead.show(REPORT)
        room.wall_s -= TEN_YEARS_S
        room.watch(130, "happy")
        ahead.show(REPORT)
        assert [max(m.face_s) for m in ahead.minutes(7 * DAY_S)] == ["happy"] * 3
        for _ in range(62):
            room.pass_by(59)
            be_told(room, ahead, 1)
        assert [start - NOON for start, _, _ in rows(path)][-1] < 3600

    def test_a_clock_at_1970_deletes_nothing(self, room: Room, path: Path) -> None:
        fill(path, *minutes_before(NOON, 100))
        room.wall_s = 0.0
        file = room.file(path)
        for _ in range(130):
            room.pass_by(59)
            be_told(room, file, 1)
        assert len(rows(path)) == 100

    def test_the_last_day_is_known_once_the_clock_is_right(self, room: Room, path: Path) -> None:
        fill(path, *minutes_before(NOON, 100))
        room.wall_s = 0.0
        file = room.file(path)
        be_told(room, file, 5)
        room.wall_s = float(NOON)
        be_told(room, file, 1)
        assert len(list(file.minutes(2 * 3600))) == 100

    def test_more_rows_than_the_days_have_minutes_go_whatever_the_clock_says(
        self, room: Room, path: Path
    ) -> None:
        fill(path, *minutes_before(NOON, 1440 + 700))
        room.wall_s = 0.0
        be_told(room, room.file(path, days=1, synchronised=False), 5)
        assert [start for start, _, _ in rows(path)] == list(minutes_before(NOON, 1440))


class TestTrustedClock:
    """A step is seen in the monotonic clock."""

    def test_a_clock_that_stands_still_is_never_trusted(self) -> None:
        now = {"monotonic": 0.0}
        clock = TrustedClock(lambda: float(NOON), lambda: now["monotonic"], lambda: True)
        for _ in range(8000):
            now["monotonic"] += 1
            clock.observe()
            assert not clock.is_trusted()

    def test_a_clock_that_a_server_slows_down_has_not_stepped(self) -> None:
        now = {"monotonic": 0.0}
        clock = TrustedClock(
            lambda: NOON + 0.9995 * now["monotonic"], lambda: now["monotonic"], lambda: False
        )
        for _ in range(4 * 3600):
            now["monotonic"] += 1
            assert clock.observe() == 0
        assert clock.is_trusted()

    def test_the_server_is_asked_once_a_minute_until_it_answers(self) -> None:
        now = {"monotonic": 0.0}
        answers = iter([False, False, True])
        asked = []

        def synchronised() -> bool:
            asked.append(now["monotonic"])
            return next(answers)

        clock = TrustedClock(
            lambda: NOON + now["monotonic"], lambda: now["monotonic"], synchronised
        )
        trusted = []
        for _ in range(400):
            now["monotonic"] += 1
            clock.observe()
            trusted.append(clock.is_trusted())
        assert asked == [60, 120, 180]
        assert trusted.index(True) == 179
        assert all(trusted[179:])


class TestWhoMayRead:
    """The file, its log and its copies are for the owner alone."""

    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
    def test_the_file_is_private_under_any_umask(
        self, room: Room, tmp_path: Path, umask: int
    ) -> None:
        path = tmp_path / "state" / "history.sqlite3"
        before = os.umask(umask)
        try:
            file = room.file(path)
            room.tell()
            room.watch(61, "happy", fps=1)
            file.show(REPORT)
            names = {found.name: mode(found) for found in path.parent.iterdir()}
        finally:
            os.umask(before)
        assert names == {f"history.sqlite3{end}": 0o600 for end in ("", "-wal", "-shm")}
        assert mode(path.parent) == 0o700

    def test_one_that_others_could_read_is_closed_to_them(self, room: Room, path: Path) -> None:
        fill(path, NOON - 60)
        copy = path.with_name("history.sqlite3.damaged-20270101-000000")
        copy.write_bytes(b"")
        for file in (path, copy):
            file.chmod(0o644)
        room.file(path).show(REPORT)
        assert {mode(found) for found in path.parent.iterdir()} == {0o600}

    def test_a_damaged_copy_is_private(self, room: Room, path: Path) -> None:
        path.write_bytes(b"noise" * 1000)
        path.chmod(0o644)
        room.file(path).show(REPORT)
        assert {mode(found) for found in path.parent.iterdir()} == {0o600}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestMemoryOnly:
    """With [history] keep = "memory" nothing of an earlier history is left."""

    def settings(self, folder: Path, keep: str) -> Config:
        file = folder.parent / "config.toml"
        file.write_text(f'[state]\nfolder = "{folder}"\n[history]\nkeep = "{keep}"\n')
        return load_config(file)

    def test_what_disk_had_kept_is_deleted_and_said_once(
        self, room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        folder = tmp_path / "state"
        kept = _open_history_file(self.settings(folder, "disk"), room.history)
        assert kept
        kept.show(REPORT)
        for name in ("access-code", "history.sqlite3.damaged-20270101-000000-wal"):
            (folder / name).write_bytes(b"x")
        assert _open_history_file(self.settings(folder, "memory"), room.history) is None
        assert [found.name for found in folder.iterdir()] == ["access-code"]
        assert caplog.messages == [
            "history: [history] keep is memory: deleted "
            f"{folder / 'history.sqlite3'}, kept from before"
        ]
        caplog.clear()
        assert _open_history_file(self.settings(folder, "memory"), room.history) is None
        assert caplog.messages == []
        kept.close()

    def test_what_cannot_be_deleted_is_named(
        self, room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        folder = tmp_path / "state"
        (folder / "history.sqlite3").mkdir(parents=True)
        assert _open_history_file(self.settings(folder, "memory"), room.history) is None
        assert "cannot delete" in caplog.text
        assert "delete it by hand" in caplog.text

    def test_no_folder_is_made_for_it(self, room: Room, tmp_path: Path) -> None:
        assert _open_history_file(self.settings(tmp_path / "no", "memory"), room.history) is None
        assert not (tmp_path / "no").exists()


class TestDamagedCopies:
    """They are few, and no older than the history itself."""

    def test_only_the_newest_are_kept(self, room: Room, path: Path) -> None:
        for day in range(1, 9):
            for end in ("", "-wal"):
                name = f"history.sqlite3.damaged-2027010{day}-000000{end}"
                path.with_name(name).write_bytes(b"x")
        path.write_bytes(b"noise" * 1000)
        room.file(path).show(REPORT)
        copies = {found.name.removesuffix("-wal") for found in path.parent.glob("*.damaged-*")}
        assert len(copies) == 3
        assert "history.sqlite3.damaged-20270108-000000" in copies

    def test_they_go_when_what_is_in_them_is_too_old(self, room: Room, path: Path) -> None:
        copies = [path.with_name(f"history.sqlite3.damaged-2027010{n}-000000") for n in (1, 2)]
        for copy, age_s in zip(copies, (8 * DAY_S, 6 * DAY_S), strict=True):
            copy.write_bytes(b"x")
            os.utime(copy, (room.wall_s - age_s, room.wall_s - age_s))
        be_told(room, room.file(path), 130)
        assert [copy.exists() for copy in copies] == [False, True]


def watch_and_write(room: Room, file: HistoryFile, seconds: float, label: str = "happy") -> None:
    room.tell(label)
    room.watch(seconds, label, fps=1)
    file.show(REPORT)


class TestTheFileGoesAway:
    """What lies at the path is compared at each write."""

    def gone(self, path: Path, how: str) -> None:
        folder = path.parent
        if how == "deleted":
            for companion in ("", "-wal", "-shm"):
                Path(f"{path}{companion}").unlink()
        elif how == "the file alone":
            path.unlink()
        elif how == "the log alone":
            Path(f"{path}-wal").unlink()
        elif how == "replaced by a copy":
            shutil.copy(path, f"{path}.new")
            Path(f"{path}.new").replace(path)
        elif how == "replaced by noise":
            Path(f"{path}.new").write_bytes(b"noise" * 1000)
            Path(f"{path}.new").replace(path)
        elif how == "folder removed":
            shutil.rmtree(folder)
        elif how == "folder moved":
            folder.rename(folder.with_name("elsewhere"))

    @pytest.mark.parametrize(
        "how",
        [
            *("deleted", "the file alone", "the log alone", "replaced by a copy"),
            *("replaced by noise", "folder removed", "folder moved"),
        ],
    )
    def test_no_minute_of_the_last_day_is_lost(self, room: Room, tmp_path: Path, how: str) -> None:
        path = tmp_path / "state" / "history.sqlite3"
        path.parent.mkdir()
        fill(path, *minutes_before(NOON, 20))
        file = room.file(path)
        watch_and_write(room, file, 150)
        self.gone(path, how)
        watch_and_write(room, file, 150)
        file.close()
        found = rows(path)
        assert [start for start, _, _ in found] == [*range(NOON - 1200, NOON + 301, 60)]
        assert [watched for _, watched, _ in found[21:25]] == pytest.approx([60] * 4, abs=2)
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()

    def test_it_is_said_once(
        self, room: Room, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = room.file(path)
        watch_and_write(room, file, 150)
        self.gone(path, "deleted")
        for _ in range(3):
            watch_and_write(room, file, 60)
        assert caplog.text.count("was removed or replaced; opening it again") == 1

    def test_a_file_from_elsewhere_fills_the_memory(self, room: Room, path: Path) -> None:
        fill(path.with_name("backup"), *minutes_before(NOON, 20))
        file = room.file(path)
        watch_and_write(room, file, 150)
        path.with_name("backup").replace(path)
        watch_and_write(room, file, 60)
        assert [m.start_s for m in file.minutes(3600)] == [*range(NOON - 1200, NOON + 181, 60)]
        watched = [m.watched_s for m in file.minutes(3600)]
        assert watched == pytest.approx([60] * 23 + [30], abs=2)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder))
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class TestTheDiskComesAndGoes:
    """A real disk that is full or read-only for a while."""

    def test_full_and_free_again(self, room: Room, disk: Path) -> None:
        file = room.file(disk / "history.sqlite3")
        watch_and_write(room, file, 150)
        with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(b"x" * 1024):
                pass
        for _ in range(1200):
            room.pass_by(58)
            room.watch(2, "happy", fps=1)
        with pytest.raises(OutputError, match="free some space on that disk"):
            file.show(REPORT)
        (disk / "filler").unlink()
        watch_and_write(room, file, 60)
        file.close()
        starts = [start for start, _, _ in rows(disk / "history.sqlite3")]
        assert starts == [*range(NOON, int(room.wall_s) + 1, 60)]

    def test_read_only_and_writable_again(self, room: Room, disk: Path) -> None:
        file = room.file(disk / "history.sqlite3")
        watch_and_write(room, file, 150)
        file.close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for _ in range(3):
            with pytest.raises(OutputError, match="make it writable"):
                watch_and_write(room, file, 150)
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        watch_and_write(room, file, 150)
        file.close()
        starts = [start for start, _, _ in rows(disk / "history.sqlite3")]
        assert starts == [*range(NOON, int(room.wall_s) + 1, 60)]

    def test_a_disk_that_is_away_for_days_costs_no_memory(self, room: Room, tmp_path: Path) -> None:
        file = room.file(tmp_path / "unplugged" / "state" / "history.sqlite3")
        for _ in range(3 * 1440):
            room.pass_by(58)
            room.watch(2, "happy", fps=1)
        with pytest.raises(OutputError):
            file.show(REPORT)
        assert len(room.history.finished()) == 1440
        (tmp_path / "unplugged").mkdir()
        file.show(REPORT)
        assert room.history.finished() == ()

    def test_a_minute_that_ends_while_others_are_written_is_not_forgotten(self, room: Room) -> None:
        room.tell()
        for _ in range(1500):
            room.pass_by(58)
            room.watch(2, "happy", fps=1)
        writing = room.history.finished()
        room.watch(120, "sad", fps=1)  # the oldest are dropped for these
        room.history.written(writing)
        assert [max(m.face_s) for m in room.history.finished()] == ["sad"] * 2


def other_shape(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
        db.execute("PRAGMA user_version = 1")
    db.close()


class TestAnotherShape:
    """A file that no free disk would mend is set aside; for the rest the advice fits."""

    @pytest.mark.parametrize(
        "statements",
        [
            ("CREATE TABLE minutes (start_s INTEGER PRIMARY KEY, watched_s REAL NOT NULL)",),
            ("CREATE TABLE minutes (a, b, c)",),
            ("CREATE TABLE minutes (start_s INTEGER, watched_s REAL NOT NULL, face_s TEXT)",),
            ("CREATE TABLE t (start_s, w, f)", "CREATE VIEW minutes AS SELECT * FROM t"),
            (
                "CREATE TABLE minutes (start_s INTEGER PRIMARY KEY, watched_s REAL NOT NULL, "
                "face_s TEXT NOT NULL, CHECK (watched_s < 0))",
            ),
            (
                "CREATE TABLE minutes (start_s INTEGER PRIMARY KEY, watched_s REAL NOT NULL, "
                "face_s TEXT NOT NULL)",
                "CREATE TRIGGER no BEFORE INSERT ON minutes BEGIN SELECT RAISE(ABORT, 'no'); END",
            ),
        ],
        ids=["two columns", "other columns", "no key", "a view", "a check", "a trigger"],
    )
    def test_it_is_set_aside_and_the_minutes_are_written(
        self, room: Room, path: Path, statements: tuple[str, ...]
    ) -> None:
        other_shape(path, *statements)
        file = room.file(path, synchronised=False)
        room.tell()
        room.watch(150, "happy", fps=1)
        with contextlib.suppress(OutputError):  # the try that finds out
            file.show(REPORT)
        file.show(REPORT)
        assert [start for start, _, _ in rows(path)] == [NOON, NOON + 60]
        assert list(path.parent.glob("*.damaged-*")) != []

    def test_one_that_another_program_holds_is_not_set_aside(self, room: Room, path: Path) -> None:
        fill(path, NOON - 60)
        file = room.file(path)
        room.tell()
        room.watch(61, "happy", fps=1)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OutputError, match="another program has locked it"):
            file.show(REPORT)
        holder.close()
        file.show(REPORT)
        assert [start for start, _, _ in rows(path)] == [NOON - 60, NOON]
        assert list(path.parent.glob("*.damaged-*")) == []

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
    def test_what_is_no_file_is_named(
        self, room: Room, path: Path, make: Callable[[Path], None]
    ) -> None:
        make(path)
        with pytest.raises(OutputError, match="it is not a regular file; move it away"):
            room.file(path).show(REPORT)

    def test_one_that_shows_its_damage_late_is_set_aside_as_well(
        self, room: Room, path: Path
    ) -> None:
        file = room.file(path, synchronised=False)
        watch_and_write(room, file, 150)
        assert file._db
        file._db.execute("DROP TABLE minutes")
        with pytest.raises(OutputError, match="no such table: minutes; a new file is created"):
            watch_and_write(room, file, 150)
        watch_and_write(room, file, 60)
        assert [start for start, _, _ in rows(path)] == [*range(NOON, NOON + 301, 60)]
        assert len(list(path.parent.glob("*.damaged-*"))) == 1


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


class TestTime:
    """Clocks that jump, stand still or run backwards."""

    def test_random_clocks_give_sorted_periods_of_what_was_asked(
        self, room: Room, path: Path
    ) -> None:
        rng = random.Random(11)  # noqa: S311
        file = room.file(path)
        for _ in range(120):
            room.wall_s = rng.choice(
                [room.wall_s, room.wall_s - 3600, float(NOON), 0.0, room.wall_s + TEN_YEARS_S / 40]
            )
            room.monotonic_s += rng.choice([0.0, 0.0, -500.0, 3600.0, 0.5])
            room.watch(rng.choice([1, 30, 90]), "happy", "sad", fps=1)
            file.show(REPORT)
            for last_s in (600, DAY_S, 7 * DAY_S):
                starts = [m.start_s for m in file.minutes(last_s)]
                assert starts == sorted(set(starts))
                assert all(room.wall_s - last_s < start <= room.wall_s for start in starts)
        found = [*room.history.minutes(1e12), *room.history.steps(1e12)]
        assert all(0 <= period.watched_s < math.inf for period in found)
        assert len(rows(path)) <= 7 * 1440

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_no_time_is_lost_or_counted_twice(self, room: Room, path: Path, seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311
        file = room.file(path, synchronised=False)
        steps_s = (0, 0, 0, 90, -90, 3600, -3600, 5000, 2 * DAY_S, -2 * DAY_S)
        watched_s = 0
        room.tell("happy")
        for _ in range(40):
            room.wall_s += rng.choice(steps_s)
            part_s = rng.choice([5, 70, 200])
            room.watch(part_s, "happy", fps=1)
            watched_s += part_s
            chance = rng.random()
            if chance < 0.6:
                file.show(REPORT)
            elif chance < 0.8:
                file.close()
            elif chance < 0.9:
                file.close()
                room.history = History(lambda: room.wall_s)
                file = room.file(path, synchronised=False)
                room.tell("happy")
        file.close()
        assert sum(watched for _, watched, _ in rows(path)) == pytest.approx(watched_s)

    def test_a_camera_that_was_closed_in_between_does_not_bridge_the_gap(self, room: Room) -> None:
        room.tell_seq(1000)
        room.pass_by(0.1)
        room.tell_seq(1001)
        room.pass_by(1.5)  # paused and resumed faster than the output was told
        room.tell_seq(0)
        room.pass_by(0.1)
        room.tell_seq(1)
        (minute,) = room.history.minutes(3600)
        assert minute.watched_s == pytest.approx(0.2)


def test_what_is_settled_is_what_was_written(room: Room) -> None:
    room.tell()
    room.watch(150, "happy", fps=1)
    assert room.history.settled() == []
    room.history.written(room.history.finished())
    assert [m.start_s for m in room.history.settled()] == [NOON, NOON + 60]
    room.history.restore([Period(start_s=NOON + 120, watched_s=7.0, face_s={"sad": 7.0})])
    (rest,) = room.history.settled()[2:]
    assert (rest.watched_s, rest.face_s) == (
        pytest.approx(7),
        {"sad": 7.0, "happy": pytest.approx(0)},
    )
