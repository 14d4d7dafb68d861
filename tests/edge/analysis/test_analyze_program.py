"""`emotion-edge analyze` as a program: what it prints, and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from commands import emotion_edge, one_line
from faces import hang, wall

LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two people in one image, none in another, and a note."""
    folder = tmp_path_factory.mktemp("album")
    together = wall()
    hang(together, "happy", 40, 60, 220)
    hang(together, "surprise", 400, 200, 150)
    cv2.imwrite(str(folder / "1 together.png"), together)
    cv2.imwrite(str(folder / "2 empty.jpg"), wall())
    (folder / "note.txt").write_text("not an image")
    return folder


def test_analyze_prints_one_object_per_picture(album: Path) -> None:
    run = emotion_edge("analyze", album)
    assert run.returncode == 0, run.stderr
    together, empty = (json.loads(line) for line in run.stdout.splitlines())

    assert together["path"] == str(album / "1 together.png")
    assert (together["frame"], empty["frame"]) == (0, 0)
    assert empty["faces"] == []
    assert {face["label"] for face in together["faces"]} == {"happy", "surprise"}
    for face in together["faces"]:
        assert set(face) == {"id", "box", "label", "confidence", "probs"}
        assert list(face["probs"]) == LABELS
        assert sum(face["probs"].values()) == pytest.approx(1, abs=0.01)
        assert face["confidence"] == max(face["probs"].values()) == face["probs"][face["label"]]
        x1, y1, x2, y2 = face["box"]
        assert 0 <= x1 < x2 <= 640
        assert 0 <= y1 < y2 <= 480


def test_analyze_follows_a_video_frame_by_frame(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    picture = wall()
    hang(picture, "happy", 200, 100, 240)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 480))
    for _ in range(30):
        writer.write(picture)
    writer.release()

    run = emotion_edge("analyze", path, "--jsonl")

    assert run.returncode == 0, run.stderr
    frames = [json.loads(line) for line in run.stdout.splitlines()]
    assert [frame["frame"] for frame in frames] == list(range(30))
    assert [face["label"] for face in frames[-1]["faces"]] == ["happy"]


def test_a_bad_picture_among_good_ones_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), wall())
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a picture")
    cv2.imwrite(str(tmp_path / "c.png"), wall())
    run = emotion_edge("analyze", tmp_path)
    assert run.returncode == 1
    assert [Path(json.loads(line)["path"]).name for line in run.stdout.splitlines()] == [
        "a.png",
        "c.png",
    ]
    assert "b.jpg: not a whole image" in one_line(run.stderr)


def test_the_readers_leaving_is_no_error(album: Path) -> None:
    command = f"{sys.executable} -m edge analyze '{album}' '{album}' | head -c 1 >/dev/null"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr
    assert "BrokenPipe" not in run.stderr
