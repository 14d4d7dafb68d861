"""`emotion-edge analyze`: what it is given, in what form, and what becomes of the rest."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from faces import hang, wall
from permissions import open_to_all
from PIL import Image

from edge.analysis.analyzer import Analyzer
from edge.analysis.plan import plan
from edge.camera.demo.scene import DemoScene
from edge.camera.media import open_media
from edge.cli import main
from edge.config import load_config
from edge.errors import MediaError
from edge.models import Vision, load_vision

Analyze = Callable[..., "Ran"]


class Ran:
    """What a run of the command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.records = [json.loads(line) for line in out.splitlines()]
        self.complaints = [line for line in err.splitlines() if line.startswith("emotion-edge: ")]
        self.err = err

    @property
    def names(self) -> list[str]:
        return [Path(record["path"]).name for record in self.records]


@pytest.fixture
def analyze(capfd: pytest.CaptureFixture[str]) -> Analyze:
    def run(*paths: Any) -> Ran:
        code = main(["analyze", *(os.fsdecode(path) for path in paths)])
        return Ran(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="module")
def vision() -> Vision:
    return load_vision(load_config())


@pytest.fixture(scope="module")
def analyzer(vision: Vision) -> Analyzer:
    return Analyzer(vision.detector, vision.classifier, lambda: vision.pipeline(load_config()))


def portrait() -> Any:
    bgr = wall(320, 240)
    hang(bgr, "happy", 60, 20, 200)
    return bgr


def as_image() -> Image.Image:
    return Image.fromarray(cv2.cvtColor(portrait(), cv2.COLOR_BGR2RGB))


def encoded(kind: str) -> bytes:
    into = io.BytesIO()
    as_image().save(into, kind)
    return into.getvalue()


def write_video(path: Path, pictures: list[Any], fps: float = 15.0) -> Path:
    """An MJPEG video, whatever it is called."""
    height, width = pictures[0].shape[:2]
    plain = path.with_name("plain.avi")
    writer = cv2.VideoWriter(str(plain), cv2.VideoWriter.fourcc(*"MJPG"), fps, (width, height))
    for picture in pictures:
        writer.write(picture)
    writer.release()
    plain.rename(path)
    return path


def readings(analyzer: Analyzer, path: Path) -> list[dict[str, Any]]:
    return [reading.to_dict() for reading in analyzer.read(path)]


def labels(record: dict[str, Any]) -> list[str]:
    return [face["label"] for face in record["faces"]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("a.jfif", "JPEG"), ("a.jpe", "JPEG"), ("a", "JPEG"), ("a.mp4", "PNG")),
        *(("a.jp2", "JPEG2000"), ("a.ppm", "PPM"), ("a.gif", "GIF"), ("a.txt", "WEBP")),
        *(("a.dat", "BMP"), ("a.raw", "TIFF"), ("a.pcx", "PCX")),
    ],
)
def test_a_picture_is_known_by_its_content(
    tmp_path: Path, analyzer: Analyzer, name: str, kind: str
) -> None:
    (tmp_path / name).write_bytes(encoded(kind))
    (record,) = readings(analyzer, tmp_path / name)
    assert labels(record) == ["happy"]
    assert record["size"] == [320, 240]


def test_a_picture_may_come_from_standard_input() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "edge", "analyze", "/dev/stdin"],
        input=encoded("JPEG"),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert labels(json.loads(run.stdout)) == ["happy"]


@pytest.mark.parametrize("kind", ["image", "video"])
def test_what_comes_through_a_pipe_is_read_once(
    tmp_path: Path, analyze: Analyze, kind: str
) -> None:
    content = encoded("PNG")
    if kind == "video":
        content = write_video(tmp_path / "v.avi", [portrait()] * 4).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    pipe = tmp_path / "pipe"
    writer = threading.Thread(target=pipe.write_bytes, args=[content], daemon=True)
    writer.start()
    ran = analyze(pipe)
    writer.join()
    assert ran.code == 0
    assert [r["frame"] for r in ran.records] == list(range(1 if kind == "image" else 4))


def test_a_pipe_without_an_end_is_refused_at_a_limit(
    tmp_path: Path, analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.files.PIPE_LIMIT_BYTES", 3_000_000)
    os.mkfifo(tmp_path / "pipe")

    def pour() -> None:
        with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
            while True:
                try:
                    pipe.write(bytes(100_000))
                except BrokenPipeError:
                    return

    writer = threading.Thread(target=pour, daemon=True)
    writer.start()
    with pytest.raises(MediaError, match=r"pipe: .*over 3 MB from a pipe; save it as a file"):
        readings(analyzer, tmp_path / "pipe")
    writer.join()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom"])
def test_a_device_is_not_read(analyze: Analyze, device: str) -> None:
    ran = analyze(device)
    assert (ran.code, ran.records) == (1, [])
    assert ran.complaints == [
        f"emotion-edge: {device}: cannot read the file: not a file but a device or a pipe"
    ]


def test_a_heic_picture_is_named_as_what_it_is(tmp_path: Path, analyze: Analyze) -> None:
    ftyp = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    (tmp_path / "IMG_1.HEIC").write_bytes(ftyp + bytes(500))
    ran = analyze(tmp_path / "IMG_1.HEIC")
    assert ran.code == 1
    problem = "run `pip install" if util.find_spec("pillow_heif") is None else "not a whole image"
    assert problem in ran.complaints[0]


def test_a_gif_that_moves_is_a_video(tmp_path: Path, analyzer: Analyzer) -> None:
    frames = [as_image() for _ in range(8)]
    for k, frame in enumerate(frames):
        frame.putpixel((k, 0), (255, 0, 0))  # or Pillow keeps one of them
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=80)
    records = readings(analyzer, tmp_path / "a.gif")
    assert [record["frame"] for record in records] == list(range(8))


def test_a_stream_of_jpegs_is_a_video_by_its_name(tmp_path: Path, analyzer: Analyzer) -> None:
    (tmp_path / "a.mjpeg").write_bytes(encoded("JPEG") * 5)
    records = readings(analyzer, tmp_path / "a.mjpeg")
    assert [record["frame"] for record in records] == list(range(5))


def test_one_bad_path_among_good_ones_costs_only_itself(tmp_path: Path, analyze: Analyze) -> None:
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
    ran = analyze(*(tmp_path / name for name in bad), whole, tmp_path / "good.png")
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
    tmp_path: Path, analyze: Analyze, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.models._MODEL_FOLDERS", (Path("/nowhere"),))
    ran = analyze(tmp_path / "a", tmp_path / "b")
    assert ran.code == 1
    assert len(ran.complaints) == 2


def test_a_folder_says_what_it_skips(tmp_path: Path, analyze: Analyze) -> None:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "no suffix", "sub/c.jfif"):
        (folder / name).write_bytes(encoded("JPEG"))
    for name in ("notes.txt", "sub/list.csv", ".hidden.txt", "z\n.txt"):
        (folder / name).write_text("text")
    os.mkfifo(folder / "pipe")
    ran = analyze(folder)
    assert ran.code == 0
    assert ran.names == ["a.png", "no suffix", "c.jfif"]
    assert ran.err.splitlines()[-1] == (
        f"skipped 4 files in {folder}: notes.txt, pipe, sub/list.csv, z\\n.txt"
    )


def test_a_damaged_picture_in_a_folder_is_an_error_and_not_skipped(
    tmp_path: Path, analyze: Analyze
) -> None:
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    (tmp_path / "b.jpg").write_text("not much of an image")
    ran = analyze(tmp_path)
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


def test_names_are_printed_on_one_line_and_as_unicode(tmp_path: Path, analyze: Analyze) -> None:
    good, bad = tmp_path / os.fsdecode(b"caf\xe9 \xc3\xa9.png"), tmp_path / "no\nWARNING\x1b[2J.png"
    good.write_bytes(encoded("PNG"))
    bad.write_text("no image")
    ran = analyze(good, bad, tmp_path / os.fsdecode(b"gone \xff"))
    assert ran.names == ["caf\\xe9 é.png"]
    assert ran.complaints[0] == f"emotion-edge: {tmp_path}/gone \\xff: no such file or folder"
    assert ran.complaints[1].startswith(f"emotion-edge: {tmp_path}/no\\nWARNING\\x1b[2J.png: ")
    assert "\x1b" not in ran.err


def test_a_terminal_without_unicode_gets_ascii(tmp_path: Path) -> None:
    (tmp_path / "é 人.png").write_bytes(encoded("PNG"))
    run = subprocess.run(
        [sys.executable, "-m", "edge", "analyze", tmp_path],
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert run.returncode == 0, run.stderr
    assert Path(json.loads(run.stdout.decode("ascii"))["path"]).name == "é 人.png"


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_no_object_begins_on_the_progress_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(3):
        cv2.imwrite(str(tmp_path / f"{k}.png"), wall(64, 48))
    terminal = Terminal()
    monkeypatch.setattr("edge.process.progress._TERMINAL_EVERY_S", 0.0)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["analyze", str(tmp_path), "--jsonl"]) == 0
    assert "2/3 frames" in terminal.getvalue()
    shown = [line.rpartition("\x1b[K")[2] for line in terminal.getvalue().split("\n")]
    assert [json.loads(line)["faces"] for line in shown if line] == [[], [], []]


@pytest.mark.parametrize("to", [">/dev/full", ">&-"])
def test_results_that_cannot_be_written_end_it_in_one_line(tmp_path: Path, to: str) -> None:
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(encoded("PNG"))
    command = f"exec '{sys.executable}' -m edge analyze '{tmp_path}' {to}"
    run = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr
    (line,) = run.stderr.splitlines()
    assert line.startswith("emotion-edge: standard output")


@pytest.mark.parametrize("to", ["2>&-", "2>/dev/full"])
def test_a_closed_or_full_standard_error_changes_no_result(tmp_path: Path, to: str) -> None:
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    (tmp_path / "b.png").write_text("no image")
    command = f"exec '{sys.executable}' -m edge analyze '{tmp_path}' {to}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60)
    assert run.returncode == 1
    (line,) = run.stdout.splitlines()
    assert labels(json.loads(line)) == ["happy"]


def test_a_video_is_read_as_if_it_were_the_only_one(tmp_path: Path, analyze: Analyze) -> None:
    scene = DemoScene()
    a, b = (
        write_video(tmp_path / name, [scene.render(start_s + k / 15) for k in range(20)])
        for name, start_s in (("a.avi", 0.0), ("b.avi", 7.0))
    )
    (tmp_path / "c.png").write_bytes(encoded("PNG"))
    alone, after = analyze(b), analyze(a, tmp_path / "c.png", b)
    assert any(record["faces"] for record in alone.records)
    assert after.records[21:] == alone.records
    assert after.records[20] == analyze(tmp_path / "c.png").records[0]


def test_a_box_lies_within_the_picture_whose_size_is_told(
    tmp_path: Path, analyzer: Analyzer
) -> None:
    face = wall(640, 480)
    hang(face, "happy", 100, 100, 300)
    for name, cut in {
        "top": face[150:, 100:],
        "left": face[100:, 170:],
        "right": face[:, :330],
    }.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), cut)
        (record,) = readings(analyzer, tmp_path / f"{name}.png")
        height, width = cut.shape[:2]
        assert record["size"] == [width, height]
        assert len(record["faces"]) == 1
        for detected in record["faces"]:
            x1, y1, x2, y2 = detected["box"]
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (3, 60000), (7, 5), (5000, 40)])
@pytest.mark.parametrize("kind", ["blazeface", "haar"])
def test_a_picture_of_any_shape_is_read(
    tmp_path: Path, size: tuple[int, int], kind: str, vision: Vision
) -> None:
    config = load_config(overrides={"detector": {"kind": kind}})
    detector = load_vision(config).detector if kind == "haar" else vision.detector
    analyzer = Analyzer(detector, vision.classifier, lambda: vision.pipeline(config))
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    cv2.imwrite(str(tmp_path / "odd.png"), noise)
    (record,) = readings(analyzer, tmp_path / "odd.png")
    assert (record["size"], record["faces"]) == (list(size), [])


def test_an_empty_name_is_not_the_folder_one_is_in(
    analyze: Analyze, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from `analyze "$UNSET"`."""
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    monkeypatch.chdir(tmp_path)
    ran = analyze("", "a.png")
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
