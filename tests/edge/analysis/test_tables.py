"""What is printed: objects, rows, or a summary."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from edge.analysis.plan import Job
from edge.analysis.tables import CsvTable
from edge.analysis.timeline import Timeline
from edge.palette import colour_of

Analyze = Callable[..., tuple[int, str, str]]
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def test_an_object_has_the_time_and_the_track_of_a_video_and_neither_of_an_image(
    analyze: Analyze, clip: Path, photo: Path
) -> None:
    code, out, _ = analyze(clip, photo)
    assert code == 0
    *frames, image = map(json.loads, out.splitlines())
    assert [frame["frame"] for frame in frames] == list(range(30))
    assert [frame["time_s"] for frame in frames] == pytest.approx(
        [n / 15 for n in range(30)], abs=2e-3
    )
    assert {face["id"] for frame in frames for face in frame["faces"]} == {1}
    assert all(frame["size"] == [320, 240] for frame in (*frames, image))
    assert image["time_s"] is None
    assert [face["id"] for face in image["faces"]] == [None]


def test_every_nth_frame_keeps_its_number_and_time(analyze: Analyze, clip: Path) -> None:
    _, out, _ = analyze("--every", 7, clip)
    frames = [json.loads(line) for line in out.splitlines()]
    assert [frame["frame"] for frame in frames] == [0, 7, 14, 21, 28]
    assert frames[-1]["time_s"] == pytest.approx(28 / 15, abs=2e-3)


@pytest.mark.parametrize("count", ["0", "-1", "x", "1.5", "9999999999"])
@pytest.mark.parametrize("option", ["--every", "--jobs"])
def test_a_wrong_count_is_refused(
    option: str, count: str, clip: Path, capfd: pytest.CaptureFixture[str], analyze: Analyze
) -> None:
    with pytest.raises(SystemExit) as ended:
        analyze(option, count, clip)
    assert ended.value.code == 2
    assert f"{count!r} is not a number from 1 on" in capfd.readouterr().err


def test_csv_has_one_row_for_each_face(analyze: Analyze, clip: Path, photo: Path) -> None:
    _, objects, _ = analyze(clip, photo)
    faces = [
        (record["path"], record["frame"], face)
        for record in map(json.loads, objects.splitlines())
        for face in record["faces"]
    ]
    code, out, _ = analyze("--csv", clip, photo)
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == len(faces) > 20
    for row, (path, frame, face) in zip(rows, faces, strict=True):
        assert (row["path"], int(row["frame"])) == (path, frame)
        assert [float(row[name]) for name in ("x1", "y1", "x2", "y2")] == face["box"]
        assert row["label"] == (face["label"] or "")
        assert float(row["confidence"]) == face["confidence"]
        assert {k: float(row[k]) for k in LABELS if row[k]} == face["probs"]
    assert (rows[0]["id"], rows[-1]["id"]) == ("1", "")
    assert (rows[0]["time_s"], rows[-1]["time_s"]) != ("", "")
    assert rows[-1]["time_s"] == ""


def test_a_name_with_commas_quotes_and_line_ends_stays_one_field() -> None:
    stream = io.StringIO()
    table = CsvTable(stream, ["happy"])
    face = {"id": None, "box": [1, 2, 3, 4], "label": "happy", "confidence": 1.0, "probs": {}}
    name = 'a,"b"\nc.png'
    record = {"path": name, "frame": 0, "time_s": None, "faces": [face]}
    table.add(Job(path=Path(name), frames=1, name=Path(name)), record)
    (row,) = csv.DictReader(io.StringIO(stream.getvalue()))
    assert row["path"] == name
    assert row["happy"] == ""


def test_a_summary_has_a_row_for_each_video_and_one_for_all_images(
    analyze: Analyze, clip: Path, photo: Path, tmp_path: Path
) -> None:
    code, out, _ = analyze("--summary", tmp_path / "out", photo, clip)
    assert code == 0
    head, video, images = (line.split() for line in out.splitlines())
    assert head == ["file", "frames", "seconds", "faces", *LABELS, "uncertain"]
    assert video[:4] == [str(clip), "30", "1.9", "1"]
    assert images == ["images", "1", "-", "1", "0%", "0%", "0%", "100%", "0%", "0%", "0%", "0%"]
    shares = dict(zip(head[4:], (int(cell.rstrip("%")) for cell in video[4:]), strict=True))
    assert shares["happy"] >= 70
    assert 99 <= sum(shares.values()) <= 101
    drawn = cv2.imread(str(tmp_path / "out" / "clip.avi.png"))
    happy = (drawn == colour_of("happy")[::-1]).all(axis=2).mean()
    assert happy > 0.4


def test_images_of_one_name_have_no_timeline_and_videos_of_one_name_are_refused(
    analyze: Analyze, clip: Path, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    for path in (photo, clip):
        (tmp_path / "other" / path.name).write_bytes(path.read_bytes())
    code, out, _ = analyze("--summary", tmp_path / "out", photo, tmp_path / "other" / photo.name)
    assert (code, out.splitlines()[1].split()[:2]) == (0, ["images", "2"])
    code, out, err = analyze("--summary", tmp_path / "out", clip, tmp_path / "other" / clip.name)
    assert (code, out) == (2, "")
    assert "have the same name" in err


def test_without_a_face_there_are_no_shares(analyze: Analyze, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), scene_without_faces())
    _, out, _ = analyze("--summary", tmp_path / "out", tmp_path / "a.png")
    assert out.splitlines()[1].split() == ["images", "1", "-", "0", *["-"] * 8]
    assert not (tmp_path / "out").exists()


def scene_without_faces() -> object:
    from faces import wall

    return wall(320, 240)


def test_a_timeline_of_any_length_has_at_most_960_steps() -> None:
    timeline = Timeline(("happy", "sad"))
    happy, sad = ({"faces": [{"label": label}]} for label in ("happy", "sad"))
    for second in range(5000):
        timeline.add({"time_s": float(second), **(happy if second < 2500 else sad)})
    means = list(timeline.means())
    assert 480 < len(means) <= 960
    half = len(means) // 2
    assert all(step["happy"] == 1 for step in means[: half - 1])
    assert all(step["sad"] == 1 for step in means[half + 1 :])


def test_a_step_without_a_frame_is_like_the_one_before() -> None:
    timeline = Timeline(("happy",))
    for second in (0.0, 1.0):
        timeline.add({"time_s": second, "faces": [{"label": "happy"}] if second else []})
    assert list(timeline.means()) == [{"happy": 0}] * 10 + [{"happy": 1}]
