"""The state folder: where it is, and secrets that survive power cuts, editors and root."""

import os
import re
import stat
from pathlib import Path

import pytest

from edge.config import StateConfig
from edge.errors import StateError
from edge.state import AccessCode, find_folder, login_secret, new_code, open_folder, replace_file

AUTO = StateConfig(folder="auto")


def test_where_the_folder_is() -> None:
    home = {"XDG_STATE_HOME": "/x/state"}
    assert find_folder(StateConfig(folder="/a/b"), home) == Path("/a/b")
    assert find_folder(AUTO, {**home, "STATE_DIRECTORY": "/var/lib/e:/b"}) == Path("/var/lib/e")
    assert find_folder(AUTO, home) == Path("/x/state/emotion-edge")
    assert find_folder(AUTO, {}) == Path("~/.local/state/emotion-edge").expanduser()


def test_the_folder_is_for_its_owner(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert open_folder(folder) == folder


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"file/b: cannot write it: .*; set \[state\] folder"):
        open_folder(tmp_path / "file" / "b")


def test_codes_are_easy_to_read_and_never_the_same() -> None:
    codes = {new_code() for _ in range(500)}
    assert len(codes) == 500
    assert all(re.fullmatch(r"[a-hj-km-np-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{2}", c) for c in codes)
    assert not set("".join(codes)) & set("il1o0")


def test_the_code_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = AccessCode(tmp_path)()
    assert AccessCode(tmp_path)() == first
    assert stat.S_IMODE((tmp_path / "access-code").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["access-code"]


def test_a_new_code_counts_at_once_in_every_process(tmp_path: Path) -> None:
    running, told = AccessCode(tmp_path), AccessCode(tmp_path)
    before = running()
    after = told.renew()
    assert after != before
    assert running() == after


@pytest.mark.parametrize("content", ["", "\n", "short", "- - - - - - -", None])
def test_a_running_device_never_stands_open(tmp_path: Path, content: str | None) -> None:
    running = AccessCode(tmp_path)
    before = running()
    path = tmp_path / "access-code"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    assert running() == before


def test_a_code_of_ones_own_is_taken_and_a_short_one_refused(tmp_path: Path) -> None:
    (tmp_path / "access-code").write_text("correct horse battery\n")
    assert AccessCode(tmp_path)() == "correct horse battery"
    (tmp_path / "access-code").write_text("1234\n")
    for refused in ("1234", "a" * 65):
        (tmp_path / "access-code").write_text(f"{refused}\n")
        with pytest.raises(StateError, match=r"at least 8 letters.* 64 characters; delete the fi"):
            AccessCode(tmp_path)


def test_a_code_that_could_not_be_read_for_a_moment_is_read_again(tmp_path: Path) -> None:
    code = AccessCode(tmp_path)
    before = code()
    (tmp_path / "access-code").unlink()
    (tmp_path / "access-code").mkdir()  # even root cannot read this
    assert code() == before
    (tmp_path / "access-code").rmdir()
    (tmp_path / "access-code").write_text("another code\n")
    assert code() == "another code"


def test_an_empty_code_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "access-code").write_text("")  # a disk that was full
    assert len(AccessCode(tmp_path)()) == 12


def test_the_secret_of_the_logins_is_kept_and_a_cut_one_replaced(tmp_path: Path) -> None:
    first = login_secret(tmp_path)
    assert len(first) == 32
    assert login_secret(tmp_path) == first
    (tmp_path / "login-secret").write_bytes(first[:10])
    assert login_secret(tmp_path) not in (first, first[:10])


def test_a_replaced_file_is_whole_or_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    replace_file(path, b"old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StateError):
        replace_file(tmp_path / "folder", b"new")
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "kept"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for somebody else")
def test_what_root_writes_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1235)
    replace_file(tmp_path / "access-code", b"x")
    found = (tmp_path / "access-code").stat()
    assert (found.st_uid, found.st_gid) == (1234, 1235)
