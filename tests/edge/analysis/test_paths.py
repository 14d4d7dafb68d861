"""The paths that `emotion-edge analyze` is given: bad ones, folders, and any name."""

import os
from pathlib import Path

import cv2
import pytest
from analysis_files import Analyze, encoded, readings, write_video
from faces import wall
from permissions import open_to_all

from edge.analysis.analyzer import Analyzer
from edge.analysis.plan import plan
from edge.camera.media import open_media
from edge.errors import MediaError


def test_one_bad_path_among_good_ones_costs_only_itself(tmp_path: Path, analyzed: Analyze) -> None:
    (tmp_path / "notes.txt").write_text("not an image\n" * 20)
    (tmp_path / "empty").mkdir()
    (tmp_path / "nothing.jpg").touch()
    whole = write_video(tmp_path / "whole.avi", [wall(64, 48)] * 3)
    mp4 = cv2.VideoWriter(str(tmp_path / "half.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 15, (64, 48))
    for _ in range(9):
        mp4.write(wall(64, 48))
    mp4.release()
    half = tmp_path / "half.mp4"
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    (tmp_path / "good.png").write_bytes(encoded("PNG"))
    bad = ["notes.txt", "empty", "nothing.jpg", "missing.jpg", "half.mp4", "n" * 300, "a/" * 3000]
    ran = analyzed(*(tmp_path / name for name in bad), whole, tmp_path / "good.png")
    assert ran.code == 1
    assert ran.names == ["whole.avi"] * 3 + ["good.png"]
    assert len(ran.complaints) == len(bad)
    for name, reason in {
        "notes.txt": "not a video",
        "empty": "no images in this folder",
        "nothing.jpg": "the file is empty",
        "missing.jpg": "no such file or folder",
        "half.mp4": "not a video",
        "n" * 300: "no such file or folder",
    }.items():
        assert any(f"{name}: {reason}" in complaint for complaint in ran.complaints)


def test_with_only_bad_paths_no_network_is_loaded(
    tmp_path: Path, analyzed: Analyze, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.models._MODEL_FOLDERS", (Path("/nowhere"),))
    ran = analyzed(tmp_path / "a", tmp_path / "b")
    assert ran.code == 1
    assert len(ran.complaints) == 2


def test_a_folder_says_what_it_skips(tmp_path: Path, analyzed: Analyze) -> None:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "no suffix", "sub/c.jfif"):
        (folder / name).write_bytes(encoded("JPEG"))
    for name in ("notes.txt", "sub/list.csv", ".hidden.txt", "z\n.txt"):
        (folder / name).write_text("text")
    os.mkfifo(folder / "pipe")
    ran = analyzed(folder)
    assert ran.code == 0
    assert ran.names == ["a.png", "no suffix", "c.jfif"]
    assert ran.err.splitlines()[-1] == (
        f"skipped 4 files in {folder}: notes.txt, pipe, sub/list.csv, z\\n.txt"
    )


def test_a_damaged_picture_in_a_folder_is_an_error_and_not_skipped(
    tmp_path: Path, analyzed: Analyze
) -> None:
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    (tmp_path / "b.jpg").write_text("not much of an image")
    ran = analyzed(tmp_path)
    assert (ran.code, ran.names) == (1, ["a.png"])
    assert "b.jpg: " in ran.complaints[0]


STRANGE_NAMES = [
    *(b"2024-05-01T12:30:00.mp4", b"file:12:30 party.mp4", b"http://example.org", b"a|b.avi"),
    *(
        b"shot_%03d.png",
        b"%s%n.avi",
        b"caf\xe9.avi",
        b"two\nlines\x1b[2J.avi",
        b"--.avi",
        b"concat:a",
    ),
]


@pytest.mark.parametrize("name", STRANGE_NAMES)
@pytest.mark.parametrize("kind", ["image", "video"])
def test_any_name_is_the_name_of_a_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    analyzer: Analyzer,
    name: bytes,
    kind: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(os.fsdecode(name.replace(b"//", b"")))
    if kind == "image":
        path.write_bytes(encoded("PNG"))
    else:
        write_video(path, [wall(64, 48)] * 3)
    records = readings(analyzer, path)
    assert len(records) == (1 if kind == "image" else 3)


def test_names_are_printed_on_one_line_and_as_unicode(tmp_path: Path, analyzed: Analyze) -> None:
    good, bad = tmp_path / os.fsdecode(b"caf\xe9 \xc3\xa9.png"), tmp_path / "no\nWARNING\x1b[2J.png"
    good.write_bytes(encoded("PNG"))
    bad.write_text("no image")
    ran = analyzed(good, bad, tmp_path / os.fsdecode(b"gone \xff"))
    assert ran.names == ["caf\\xe9 é.png"]
    assert ran.complaints[0] == f"emotion-edge: {tmp_path}/gone \\xff: no such file or folder"
    assert ran.complaints[1].startswith(f"emotion-edge: {tmp_path}/no\\nWARNING\\x1b[2J.png: ")
    assert "\x1b" not in ran.err


def test_an_empty_name_is_not_the_folder_one_is_in(
    analyzed: Analyze, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from `analyze "$UNSET"`."""
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    monkeypatch.chdir(tmp_path)
    ran = analyzed("", "a.png")
    assert (ran.code, ran.names) == (1, ["a.png"])
    assert ran.complaints == ["emotion-edge: '': no such file or folder"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_in_a_closed_folder_is_not_said_to_be_missing(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "a.png").write_bytes(encoded("PNG"))
    plan_of = [f"{closed}/a.png", f"{closed}/absent.png", f"{tmp_path}/a.txt/b.png"]
    (tmp_path / "a.txt").touch()
    open_to_all(tmp_path)
    os.seteuid(65534)
    try:
        planned = plan(plan_of)
        told = r"closed/a\.png: cannot read the file: Permission denied"
        with pytest.raises(MediaError, match=told), open_media(planned.jobs[0].path):
            pass
    finally:
        os.seteuid(0)
    assert [job.path.name for job in planned.jobs] == ["a.png", "absent.png"]
    assert [str(error) for error in planned.errors] == [
        f"{tmp_path}/a.txt/b.png: no such file or folder"
    ]
