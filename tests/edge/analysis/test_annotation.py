"""Files with the faces drawn on them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from analysis_files import need_ffmpeg, scene, streams

from edge.palette import colour_of

Analyze = Callable[..., tuple[int, str, str]]


def is_drawn(bgr: object) -> bool:
    """Whether the box of a happy face is on it."""
    near = np.abs(np.asarray(bgr, int) - colour_of("happy")[::-1]).max(axis=2) < 40
    return bool(near.sum() > 200)


def test_images_keep_their_place_below_the_folder_and_their_format(
    analyze: Analyze, tmp_path: Path
) -> None:
    album = tmp_path / "album"
    (album / "sub").mkdir(parents=True)
    for name in ("a.png", "a.jpg", "sub/a.png", "b.bmp"):
        cv2.imwrite(str(album / name), scene())
    code, out, err = analyze("--annotate", tmp_path / "out", album)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 4
    written = sorted(p for p in (tmp_path / "out").rglob("*") if p.is_file())
    names = [str(p.relative_to(tmp_path / "out")) for p in written]
    assert names == ["a.jpg", "a.png", "b.bmp.jpg", "sub/a.png"]
    assert all(is_drawn(cv2.imread(str(path))) for path in written)
    assert not is_drawn(cv2.imread(str(album / "a.png")))


def test_two_files_of_one_name_are_refused_before_anything_is_read(
    analyze: Analyze, tmp_path: Path, photo: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / photo.name
    other.write_bytes(photo.read_bytes())
    code, out, err = analyze("--annotate", tmp_path / "out", photo, other)
    assert (code, out) == (2, "")
    assert f"{photo} and {other} have the same name" in err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_line(
    analyze: Analyze, tmp_path: Path, photo: Path
) -> None:
    (tmp_path / "out").write_text("a file")
    code, _, err = analyze("--annotate", tmp_path / "out", photo)
    assert code == 1
    assert err.splitlines() == [
        f"emotion-edge: {tmp_path}/out/photo.png: cannot write the file: File exists"
    ]


@pytest.fixture
def loud(tmp_path: Path, clip: Path) -> Path:
    """The clip with a tone."""
    need_ffmpeg()
    path = tmp_path / "loud: %03d.mkv"  # a name that ffmpeg would take for an address
    tone = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2")
    command = ["ffmpeg", "-v", "error", "-i", clip, *tone, "-c:v", "copy", f"file:{path}"]
    subprocess.run(command, check=True)
    return path


def test_a_video_keeps_its_sound_its_length_and_its_rate(
    analyze: Analyze, tmp_path: Path, loud: Path
) -> None:
    code, out, err = analyze("--annotate", tmp_path / "out", loud)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 30
    (written,) = (tmp_path / "out").iterdir()
    assert written.name == f"{loud.name}.mp4"
    picture, sound = streams(written)
    assert (picture["codec_name"], sound["codec_name"]) == ("h264", "aac")
    assert picture["nb_read_frames"] == "30"
    assert picture["avg_frame_rate"] == "15/1"
    assert float(sound["duration"]) == pytest.approx(2, abs=0.1)
    video = cv2.VideoCapture(str(written))
    frames = [video.read()[1] for _ in range(30)]
    assert all(is_drawn(frame) for frame in frames[10:])


def test_every_nth_frame_is_shown_until_the_next(
    analyze: Analyze, tmp_path: Path, loud: Path
) -> None:
    analyze("--annotate", tmp_path / "out", "--every", 10, loud)
    (written,) = (tmp_path / "out").iterdir()
    picture, sound = streams(written)
    assert picture["nb_read_frames"] == "21"  # the last one is shown once
    assert float(sound["duration"]) == pytest.approx(2, abs=0.1)


def test_without_ffmpeg_a_video_is_one_line_and_images_are_written(
    analyze: Analyze, tmp_path: Path, clip: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = analyze("--annotate", tmp_path / "out", photo, clip)
    assert code == 2
    (line,) = err.splitlines()
    assert "--annotate needs ffmpeg for videos; install it with `sudo apt install" in line
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["photo.png"]


def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(
    analyze: Analyze, tmp_path: Path, clip: Path
) -> None:
    need_ffmpeg()
    (tmp_path / "bin").mkdir()
    ffmpeg = tmp_path / "bin" / "ffmpeg"
    ffmpeg.write_text("#!/bin/sh\necho 'No space left on device' >&2\nexit 1\n")
    ffmpeg.chmod(0o755)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", f"{ffmpeg.parent}:/usr/bin:/bin")
        code, _, err = analyze("--annotate", tmp_path / "out", clip)
    assert code == 1
    assert err.splitlines() == ["emotion-edge: ffmpeg: No space left on device"]
    assert list((tmp_path / "out").iterdir()) == []
