"""Results are written whole, together, and never over others by accident."""

import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.errors import OutputError, UsageError
from converter.output import check_writable, write_together

pytestmark = pytest.mark.converter


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_are_written_and_nothing_else_is_left(tmp_path):
    write_together({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    assert names(tmp_path) == ["a", "b"]
    assert (tmp_path / "b").read_bytes() == b"2"


def test_a_write_that_fails_keeps_the_old_pair(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(OutputError, match="gone/b: cannot write: No such file"):
        write_together({tmp_path / "a": b"new", tmp_path / "gone" / "b": b"new"})
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_existing_files_need_force(tmp_path):
    old = tmp_path / "a"
    old.write_bytes(b"old")
    with pytest.raises(UsageError, match="a exists; pass --force"):
        check_writable((old,), force=False)
    check_writable((old,), force=True)
    assert old.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_folder_that_takes_no_files_is_refused_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write: Not a directory"):
        check_writable((tmp_path / "file" / "a",), force=False)
