import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from faces import hang, wall

from edge.bench.bench import Plan, measure
from edge.bench.chart import draw_chart
from edge.bench.clips import MOST_FACES, clip_of, crowd, demo_clip
from edge.bench.competitor import Fer
from edge.bench.measure import Bench, Case, Round, limited_to
from edge.bench.report import text
from edge.bench.stages import STAGES
from edge.config import load_config
from edge.errors import MediaError, ResourceError, UsageError
from edge.models import load_vision

QUICK = ("--frames", "4", "--rounds", "1", "--threads", "1", "--no-device")

# Stands for fer, which is too large to install here: it has the name, the call and the result.
FER = """
import sys
import cv2

class FER:
    def detect_emotions(self, img):
        print("a library that prints")
        if img.shape[0] == 33:
            raise ValueError("no such size")
        gray = cv2.cvtColor(img, cv2.COLOR_BGR2GRAY)
        return [{"box": (0, 0, 9, 9), "emotions": {}}] * (2 if gray.mean() > 100 else 0)
"""


@pytest.fixture
def fer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Python of an environment in which `import fer.fer` succeeds."""
    package = tmp_path / "site" / "fer"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "fer.py").write_text(FER)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return Path(sys.executable)


def bench(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", "bench", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("faces", [0, 1, 2, 4, 8])
def test_the_demo_has_as_many_faces_as_asked_and_all_can_be_found(faces: int) -> None:
    detector = load_vision(load_config()).detector
    clip = demo_clip(faces, 2)
    assert (len(clip.frames), len(clip.capture_ms), clip.faces) == (2, 2, faces)
    assert len(detector.detect_still(clip.frames[0])) == faces


def test_no_two_actors_stand_in_one_place() -> None:
    places = {(actor.x, actor.y) for actor in crowd(MOST_FACES)}
    assert len(places) == MOST_FACES


def test_a_pass_measures_each_stage_and_every_face() -> None:
    clip = demo_clip(2, 24)
    with limited_to(1):
        found = Bench(load_config(), 1).run(clip)
    assert set(found.stages_ms) == set(STAGES)
    assert all(len(of_one) == 24 for of_one in found.stages_ms.values())
    assert all(max(found.stages_ms[stage]) > 0 for stage in STAGES)
    assert 1.0 < found.faces <= 2.0
    assert found.frames_per_s > 0
    assert found.core > 0
    assert 0 < found.longest_wait_ms <= 300


def test_a_ratio_is_of_two_passes_side_by_side() -> None:
    def at(rate: float) -> Round:
        stages = {stage: [1.0, 3.0] for stage in STAGES}
        return Round(frames_per_s=rate, core=0.1, faces=1, longest_wait_ms=67, stages_ms=stages)

    case = Case(clip="1 face", threads=1, rounds=(at(10), at(30)), others_per_s=(5, 10))
    found = case.to_dict()
    assert found["ratio"] == {"median": 2.5, "least": 2.0, "greatest": 3.0}
    assert found["stages_ms"]["draw"]["median"] == 2.0
    assert "cost" not in found


def test_a_cost_is_of_two_clips_in_one_round() -> None:
    def at(core: float) -> Round:
        stages = {stage: [1.0] for stage in STAGES}
        return Round(frames_per_s=9, core=core, faces=1, longest_wait_ms=67, stages_ms=stages)

    one, two = (at(0.1), at(0.2)), (at(0.15), at(0.4))
    case = Case(clip="2 faces", threads=1, rounds=two, of_one_face=one)
    assert case.to_dict()["cost"] == {"median": 1.75, "least": 1.5, "greatest": 2.0}


def test_the_report_compares_pass_by_pass_and_restores_the_cores(fer: Path) -> None:
    plan = Plan(
        path=None,
        faces=(0, 1),
        frames=6,
        rounds=2,
        threads=(1, 2),
        compare=fer,
        with_device=False,
    )
    told: list[str] = []
    threads = cv2.getNumThreads()
    found = measure(load_config(), plan, told.append).to_dict()
    assert cv2.getNumThreads() == threads
    assert [(case["clip"], case["threads"]) for case in found["cases"]] == [
        ("0 faces", 1),
        ("1 face", 1),
        ("0 faces", 2),
        ("1 face", 2),
    ]
    assert len(told) == 2 * 2 * 2
    first, last = found["cases"][0], found["cases"][-1]
    assert first["other_frames_per_s"]["least"] > 0
    assert first["other_faces_found"] == 0
    assert "ratio" not in last
    assert first["cost"]["median"] > 0
    assert last["cost"] == {"median": 1, "least": 1, "greatest": 1}
    report = text(found)
    assert "fer 25.10.3" in report
    assert "| 1 face " in report
    assert all(f"| {stage} " in report for stage in STAGES)
    chart = draw_chart(found)
    assert chart.shape[2] == 3
    assert (chart != chart[0, 0]).any(axis=2).mean() > 0.02


def test_a_folder_and_a_video_are_clips(tmp_path: Path) -> None:
    scene = wall(160, 120)
    hang(scene, "happy", 40, 20, 80)
    cv2.imwrite(str(tmp_path / "a.png"), scene)
    assert len(clip_of(tmp_path, 100).frames) == 5
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"MJPG"), 15, (160, 120))
    for _ in range(9):
        writer.write(scene)
    writer.release()
    assert len(clip_of(video, 100).frames) == 9
    assert len(clip_of(video, 4).frames) == 4
    cv2.imwrite(str(tmp_path / "b.png"), scene[:60])
    with pytest.raises(MediaError, match=r"frames of different sizes, 160x120 and 160x60"):
        clip_of(tmp_path, 100)


def test_the_command_prints_one_json_object_and_writes_a_chart(tmp_path: Path) -> None:
    chart = tmp_path / "chart.png"
    done = bench(*QUICK, "--faces", "1", "--json", "--chart", chart)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["machine"]["versions"]["emotion-edge"]
    assert found["cases"][0]["stages_ms"]["detect"]["p99"] > 0
    assert found["device"] is None
    assert np.asarray(cv2.imread(str(chart))).shape[1] == 960


@pytest.mark.parametrize(
    ("args", "said", "code"),
    [
        (["--compare", "fer", "--compare-python", "/nowhere/python"], "no such Python", 2),
        (["--faces", "9"], "expected a whole number from 0 to 8", 2),
        (["--threads", "1,x"], "expected a whole number from 1 to 8", 2),
        (["--frames", "1"], "expected a whole number from 2 to 3000", 2),
        (["/nowhere.mp4", "--no-device"], "/nowhere.mp4", 1),
        (
            [*QUICK, "--faces", "0", "--chart", "/nowhere/c.png"],
            "/nowhere/c.png: cannot write the chart",
            1,
        ),
    ],
)
def test_a_refusal_is_one_line(args: list[str], said: str, code: int) -> None:
    done = bench(*args)
    assert done.returncode == code
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_program_that_fails_is_reported(fer: Path) -> None:
    clip = demo_clip(0, 2)
    bad = type(clip)(name="bad", frames=[bgr[:33] for bgr in clip.frames], capture_ms=[0.0, 0.0])
    with Fer(fer) as other:
        other.load(clip, 1)
        assert other.run()[0] > 0
        with pytest.raises(ResourceError, match="it ended with an error"):
            other.load(bad, 1)
    with pytest.raises(UsageError, match=r"--no-deps fer==25\.10\.3"):
        Fer(Path("/nowhere/python"))
