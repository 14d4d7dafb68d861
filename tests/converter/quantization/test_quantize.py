"""The quantize command on a small network: what it measures, reports, refuses and repeats."""

import json

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
