"""`emotion-edge analyze`: which images and videos it reads, and what it tells of them."""

import json
import os
import subprocess
import sys
import threading
from importlib import util
from pathlib import Path

import cv2
import numpy as np
import pytest
from analysis_files import Analyze, as_image, encoded, labels, portrait, readings, write_video
from faces import hang, wall

from edge.analysis.analyzer import Analyzer
from edge.camera.demo.scene import DemoScene
from edge.config import load_config
from edge.errors import MediaError
from edge.models import Vision, load_vision


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
    tmp_path: Path, analyzed: Analyze, kind: str
) -> None:
    content = encoded("PNG")
    if kind == "video":
        content = write_video(tmp_path / "v.avi", [portrait()] * 4).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    pipe = tmp_path / "pipe"
    writer = threading.Thread(target=pipe.write_bytes, args=[content], daemon=True)
    writer.start()
    ran = analyzed(pipe)
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
def test_a_device_is_not_read(analyzed: Analyze, device: str) -> None:
    ran = analyzed(device)
    assert (ran.code, ran.records) == (1, [])
    assert ran.complaints == [
        f"emotion-edge: {device}: cannot read the file: not a file but a device or a pipe"
    ]


def test_a_heic_picture_is_named_as_what_it_is(tmp_path: Path, analyzed: Analyze) -> None:
    ftyp = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    (tmp_path / "IMG_1.HEIC").write_bytes(ftyp + bytes(500))
    ran = analyzed(tmp_path / "IMG_1.HEIC")
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


def test_a_video_is_read_as_if_it_were_the_only_one(tmp_path: Path, analyzed: Analyze) -> None:
    scene = DemoScene()
    a, b = (
        write_video(tmp_path / name, [scene.render(start_s + k / 15) for k in range(20)])
        for name, start_s in (("a.avi", 0.0), ("b.avi", 7.0))
    )
    (tmp_path / "c.png").write_bytes(encoded("PNG"))
    alone, after = analyzed(b), analyzed(a, tmp_path / "c.png", b)
    assert any(record["faces"] for record in alone.records)
    assert after.records[21:] == alone.records
    assert after.records[20] == analyzed(tmp_path / "c.png").records[0]


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
