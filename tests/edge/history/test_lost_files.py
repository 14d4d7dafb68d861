"""A history's file that goes away, a disk that is full, another program's file."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watched import (
    NOON,
    REPORT,
    Room,
    fill,
    minutes_before,
    rows,
    watch_and_write,
)

from edge.errors import OutputError
from edge.history import database


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

    def test_one_that_is_replaced_while_it_is_opened_is_noticed(
        self, room: Room, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(path, *minutes_before(NOON, 20))
        connect, replaced = database.connect, []

        def connect_and_replace(path: Path) -> sqlite3.Connection:
            db = connect(path)
            if not replaced:
                db.execute("SELECT 1 FROM minutes").fetchone()  # SQLite opens the file only now
                replaced.append(path)
                self.gone(path, "replaced by noise")
            return db

        monkeypatch.setattr(database, "connect", connect_and_replace)
        file = room.file(path, synchronised=False)
        watch_and_write(room, file, 150)
        file.close()
        assert [start for start, _, _ in rows(path)] == [NOON, NOON + 60, NOON + 120]
        assert len(list(path.parent.glob("*.damaged-*"))) == 1

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


def test_reports_make_no_new_paths(room: Room, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python keeps a place in its table of names for each part of each new path."""
    file = room.file(path)
    file.show(REPORT)
    names: list[str] = []
    intern = sys.intern
    monkeypatch.setattr(sys, "intern", lambda name: names.append(name) or intern(name))
    for _ in range(3):
        room.watch(1, "happy", fps=1)
        file.show(REPORT)
    assert names == []
