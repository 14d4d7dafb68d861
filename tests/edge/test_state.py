"""The state folder: where it is, and secrets that survive power cuts, editors and root."""

import os
import re
import resource
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from edge.config import StateConfig
from edge.errors import ConfigError, EdgeError, StateError
from edge.state import find_folder, open_folder, replace_file
from edge.web.auth.access_code import AccessCode, login_secret, new_code

AUTO = StateConfig(folder="auto")


def test_where_the_folder_is() -> None:
    home = {"XDG_STATE_HOME": "/x/state"}
    assert find_folder(StateConfig(folder="/a/b"), home) == Path("/a/b")
    assert find_folder(AUTO, {**home, "STATE_DIRECTORY": "/var/lib/e:/b"}) == Path("/var/lib/e")
    assert find_folder(AUTO, home) == Path("/x/state/emotion-edge")
    assert find_folder(AUTO, {"XDG_STATE_HOME": "x"}) == find_folder(AUTO, {})
    assert find_folder(AUTO, {}) == Path("~/.local/state/emotion-edge").expanduser()


def test_the_folder_is_for_its_owner(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "a" / "b")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert open_folder(folder) == folder


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in ("file/b", "file"):
        with pytest.raises(
            ConfigError, match=rf"{place}: cannot make it: .*; a file is in its place"
        ):
            open_folder(tmp_path / place)


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for another user")
def test_what_root_writes_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1235)
    replace_file(tmp_path / "access-code", b"x")
    found = (tmp_path / "access-code").stat()
    assert (found.st_uid, found.st_gid) == (1234, 1235)


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("a\0b", "this is not a valid path"),
        ("\ud800", "this is not a valid path"),
        ("~nouser/x", "~nouser has no home folder; set [state] folder to an absolute path"),
        ("~\0/x", "this is not a valid path"),
        ("{tmp}/" + "x" * 300, "File name too long; set [state] folder to a shorter path"),
        ("{tmp}/" + "x/" * 5000, "File name too long; set [state] folder to a shorter path"),
        ("{tmp}/loop/x", "symbolic links"),
        ("{tmp}/loop", "a file is in its place"),
        ("{tmp}/" + "x/" * 1500, "this is not a valid path"),
        ("/dev/null/x", "a file is in its place"),
    ],
)
def test_a_setting_that_can_name_no_folder_is_one_line(
    tmp_path: Path, folder: str, reason: str
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError) as caught:
        open_folder(find_folder(StateConfig(folder=folder.format(tmp=tmp_path)), {}))
    line = str(caught.value)
    assert reason in line
    assert line.isprintable()
    assert len(line) < 500


def test_without_a_home_folder_the_setting_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", no_home)
    with pytest.raises(ConfigError, match=r"auto.*no home folder; set \[state\] folder"):
        find_folder(AUTO, {})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; another size or a real device would behave alike."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def test_a_full_disk_is_to_be_freed(small_disk: Path) -> None:
    folder = open_folder(small_disk / "state")
    code = AccessCode(folder)()
    fill(small_disk)
    assert AccessCode(folder)() == code  # what is there is enough
    with pytest.raises(StateError, match="No space left on device; free some space") as caught:
        login_secret(folder)
    assert "this user can write" not in str(caught.value)
    assert sorted(path.name for path in folder.iterdir()) == ["access-code"]


def test_a_disk_mounted_read_only_is_to_be_made_writable(small_disk: Path) -> None:
    folder = open_folder(small_disk / "state")
    code = AccessCode(folder)()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert AccessCode(folder)() == code
    for write in (lambda: login_secret(folder), lambda: open_folder(small_disk / "other")):
        with pytest.raises(StateError, match="Read-only file system; remount it"):
            write()


def test_a_folder_that_vanished_is_not_a_matter_of_rights(tmp_path: Path) -> None:
    code = AccessCode(open_folder(tmp_path / "state"))
    (tmp_path / "state" / "access-code").unlink()
    (tmp_path / "state").rmdir()
    with pytest.raises(StateError, match="its folder is missing: start the device again"):
        code.renew()
    assert code()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_somebody_else_is_to_be_another_or_read_with_sudo(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own is closed to others
        Path(place).chmod(0o755)
        folder = open_folder(Path(place, "state"))
        AccessCode(folder)
        folder.chmod(0o755)
        with somebody_else():
            with pytest.raises(StateError, match=r"cannot read it: Permission denied.*with sudo"):
                AccessCode(folder)
            with pytest.raises(StateError, match=r"Permission denied; set.*this user can write"):
                login_secret(folder)
            with pytest.raises(StateError, match=r"Permission denied; set.*this user can write"):
                open_folder(Path(place, "other"))


@contextmanager
def somebody_else() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_process_with_too_many_files_says_so(tmp_path: Path) -> None:
    code = AccessCode(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(list(Path("/proc/self/fd").iterdir()))
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 20, hard))
    try:
        with suppress(OSError):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        for use in (code.renew, lambda: login_secret(tmp_path)):
            with pytest.raises(StateError, match="too many files are open"):
                use()
        assert code()
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("name", ["access-code", "login-secret"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "endless"])
def test_what_is_in_a_files_place_is_named_and_never_waited_for(
    tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / name
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)
        case "endless":
            path.symlink_to("/dev/zero")
    with pytest.raises(EdgeError, match=f"{name}: .*remove") as caught:
        AccessCode(tmp_path) if name == "access-code" else login_secret(tmp_path)
    assert "sudo" not in str(caught.value)
