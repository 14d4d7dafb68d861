"""The quantize command on a small network: what it measures, reports, refuses and repeats."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the converter extra is not installed")

from converter import cli  # noqa: E402 (after the skip)
from converter.data.dataset import Split  # noqa: E402
from converter.data.labels import LABELS  # noqa: E402
from converter.evaluation.classifiers import load_classifier  # noqa: E402
from converter.evaluation.metrics import accuracy, ece, macro_f1  # noqa: E402
from converter.quantization.export import float_tflite  # noqa: E402
from converter.quantization.report import _line  # noqa: E402
from converter.quantization.snr import TensorFidelity  # noqa: E402

pytestmark = pytest.mark.converter

nn = torch.nn
ORDER = (6, 0, 5, 1, 4, 2, 3)
"""Of someone else's answers: theirs is neutral, angry, ..."""


def net(order=range(7)):
    """A network with answers that differ from sample to sample, in this order."""
    torch.manual_seed(0)
    last = nn.Linear(8 * 36, 7)
    with torch.no_grad():
        last.weight *= 20
        last.weight.copy_(last.weight[list(order)])
        last.bias.copy_(last.bias[list(order)])
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, stride=4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), last)
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A float .tflite for grey samples of 48 pixels, answering with logits."""
    path = tmp_path_factory.mktemp("small") / "small.tflite"
    path.write_bytes(float_tflite(net()))
    return path


@pytest.fixture
def quantize(random_npz, tmp_path):
    """Run the command into a folder; return the exit code and the model's path."""

    def run(model, *words, name="m"):
        out = tmp_path / f"{name}.tflite"
        data = ["--data", str(random_npz), "--calibration", "14", "--out", str(out)]
        return cli.main(["quantize", str(model), *data, *words]), out

    return run


def test_what_the_manifest_says_can_be_measured_again(small, quantize, random_faces):
    code, out = quantize(small)
    assert code == 0
    facts = json.loads(out.with_suffix(".json").read_text())
    assert facts["output"]["temperature"] != 1
    again, before = load_classifier(out), load_classifier(small)
    for split, name in ((Split.PUBLIC, "public_test"), (Split.PRIVATE, "private_test")):
        part = random_faces.part(split)
        probabilities = again.probabilities(part.images)
        answers = probabilities.argmax(axis=1)
        assert facts["metrics"][name] == pytest.approx(
            {
                "pictures": len(part),
                "float32_accuracy": accuracy(
                    before.outputs(part.images).argmax(axis=1), part.labels
                ),
                "accuracy": accuracy(answers, part.labels),
                "macro_f1": macro_f1(answers, part.labels),
                "ece": ece(probabilities, part.labels),
            },
            abs=1e-4,
        )


def test_answers_in_another_order_are_judged_alike(small, quantize, tmp_path):
    theirs = tmp_path / "theirs.tflite"
    theirs.write_bytes(float_tflite(net(ORDER)))
    labels = ",".join(LABELS[index] for index in ORDER)
    metrics = []
    for model, words in ((small, []), (theirs, ["--labels", labels])):
        code, out = quantize(model, "--recipe", "float32", *words, name=f"from_{model.stem}")
        assert code == 0
        metrics.append(json.loads(out.with_suffix(".json").read_text())["metrics"])
    assert metrics[0] == metrics[1]


@pytest.fixture
def agreeing_npz(small, random_faces, tmp_path):
    """Samples whose labels are the answers of `small`."""
    images = np.random.default_rng(1).integers(0, 256, (300, 48, 48), np.uint8)
    images[:, :24] //= np.random.default_rng(2).integers(1, 9, (300, 1, 1), np.uint8)
    path = tmp_path / "agreeing.npz"
    np.savez(
        path,
        images=images,
        labels=load_classifier(small).outputs(images).argmax(axis=1).astype(np.uint8),
        split=np.zeros(300, np.uint8),
        ferplus=np.full((300, 10), -1, np.int8),
    )
    return path


def test_the_assumed_order_is_said_and_doubted_where_another_fits(
    small, agreeing_npz, tmp_path, capsys
):
    words = ["quantize", str(small), "--data", str(agreeing_npz), "--calibration", "200"]
    words += ["--recipe", "float32", "--no-measure", "--out", str(tmp_path / "m.tflite"), "--force"]
    assert cli.main(words) == 0
    assert capsys.readouterr().err == (
        f"small.tflite: outputs are read as {','.join(LABELS)}; --labels sets another order\n"
    )
    wrong = ",".join(sorted(LABELS))
    assert cli.main([*words, "--labels", wrong.title()]) == 0
    said, warning = capsys.readouterr().err.splitlines()
    assert f"outputs are read as {wrong};" in said
    assert "of 200 training samples are right, in another one 100%: check --labels" in warning
    doubted = warning.rpartition(" ")[2].split(",")
    seen = set(np.load(agreeing_npz)["labels"].tolist())
    assert all(doubted[index] == LABELS[index] for index in seen)


STAGES = (
    *("Loading libraries", "Reading samples", "TFLite", "Calibrating", "Quantizing"),
    "Comparing tensors",
)


def test_a_terminal_shows_every_stage_and_no_other_library_s_output(small, random_npz, tmp_path):
    parent, terminal = pty.openpty()
    words = ["quantize", small, "--data", random_npz, "--out", tmp_path / "m.tflite"]
    process = subprocess.Popen(
        [sys.executable, "-m", "converter", *map(str, words), "--calibration", "14"],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(terminal)
    drawn = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", text_of(parent))
    report, _ = process.communicate()
    assert process.returncode == 0
    assert report.startswith(b"m.tflite: ")
    lines = [line.strip() for line in re.split(r"[\r\n]+", drawn) if line.strip()]
    assert "Loading libraries" in lines[0]
    seen = [next((stage for stage in STAGES if stage in line), line) for line in lines]
    others = [line for line in seen if line not in STAGES]
    assert others == [
        f"small.tflite: outputs are read as {','.join(LABELS)}; --labels sets another order"
    ]
    assert set(seen) >= set(STAGES)


def text_of(terminal):
    """Return what is written to a terminal until its last writer closes it."""
    chunks = []
    with contextlib.suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as file:
        while chunk := file.read(4096):
            chunks.append(chunk)
    return b"".join(chunks).decode()


@pytest.mark.parametrize("recipe", ["static_wi8_ai8", "dynamic_wi8"])
def test_the_same_command_makes_the_same_files(recipe, small, quantize):
    made = []
    for _ in range(2):
        code, out = quantize(small, "--recipe", recipe, "--force")
        assert code == 0
        made.append((out.read_bytes(), out.with_suffix(".json").read_text()))
    assert made[0] == made[1]


def test_estimators_and_seeds_decide_and_are_recorded(small, quantize):
    models = set()
    for words in (["--seed", "1"], ["--seed", "2"], ["--seed", "1", "--ranges", "percentile"]):
        code, out = quantize(small, *words, "--no-measure", "--force")
        assert code == 0
        models.add(out.read_bytes())
        said = json.loads(out.with_suffix(".json").read_text())["quantization"]
        assert said["seed"] == int(words[1])
        assert said["ranges"] == (words[3] if words[3:] else "min_max")
    assert len(models) == 3


def test_a_report_in_words_names_every_tensor(small, quantize, tmp_path, capsys):
    report = tmp_path / "report.txt"
    code, out = quantize(small, "--report", str(report))
    assert code == 0
    text, short = report.read_text(), capsys.readouterr().out
    assert f"m.tflite: {out.stat().st_size} bytes (float {small.stat().st_size})" in text
    for wanted in ("XNNPACK partitions: ", "PrivateTest: float ", "ECE ", "The ten worst tensors"):
        assert wanted in text
    every = text.partition("All tensors in their order, dB\n")[2].splitlines()
    operators = text.partition("Operators\n")[2].partition("\n\n")[0].split("\n")
    assert len(every) == sum(int(line.split()[0]) for line in operators)
    assert len(short.splitlines()) == 8
    assert short.splitlines()[:4] == text.splitlines()[:4]


def test_a_long_name_keeps_its_end():
    line = _line(TensorFidelity(tensor="pkg/" * 100 + "conv1", operator="CONV_2D", snr_db=26.07))
    assert line.startswith("  26.1 ...")
    assert line.endswith("/conv1 (CONV_2D)")
    assert len(line) < 100


def test_a_report_is_not_written_over(small, quantize, tmp_path, capsys):
    report = tmp_path / "report.txt"
    report.write_text("precious")
    code, out = quantize(small, "--report", str(report))
    assert code == 2
    assert f"{report} exists; pass --force" in capsys.readouterr().err
    assert report.read_text() == "precious"
    assert not out.exists()


def test_without_a_held_out_split_nothing_is_measured(small, random_faces, tmp_path, capsys):
    data, out = tmp_path / "no_public.npz", tmp_path / "m.tflite"
    split = np.where(random_faces.split == Split.PUBLIC, Split.TRAINING, random_faces.split)
    np.savez(
        data,
        images=random_faces.images,
        labels=random_faces.labels,
        split=split.astype(np.uint8),
        ferplus=random_faces.votes,
    )
    words = ["quantize", str(small), "--data", str(data), "--out", str(out), "--calibration", "7"]
    assert cli.main(words) == 1
    assert "no public test split to measure on; pass --no-measure" in capsys.readouterr().err
    assert not out.exists()
    assert cli.main([*words, "--no-measure"]) == 0
    assert json.loads(out.with_suffix(".json").read_text())["metrics"] is None
    assert "accuracy not measured" in capsys.readouterr().out
