"""Who may read the history's file and its copies, and when they go."""

import os
import stat
from pathlib import Path

import pytest
from watched import DAY_S, NOON, REPORT, Room, be_told, fill

from edge.app import _open_history_file
from edge.config import Config, load_config


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
