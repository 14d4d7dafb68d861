"""`emotion-converter evaluate`: one model measured, two compared, and what cannot be."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter import cli
from converter.data.labels import LABELS
from converter.evaluation.evaluate import compare, evaluate

pytestmark = pytest.mark.converter


def probabilities(predictions, sure=0.4):
    """Return rows (N, 7) that name these labels."""
    rows = np.full((len(predictions), 7), (1 - sure) / 6, np.float32)
    rows[np.arange(len(predictions)), predictions] = sure
    return rows


def test_a_perfect_modest_model(random_faces):
    result = evaluate(probabilities(random_faces.labels), random_faces)
    assert (result.samples, result.accuracy, result.interval) == (70, 1.0, (1.0, 1.0))
    assert result.macro_f1 == 1.0
    assert result.ece == pytest.approx(0.6)
    assert list(result.classes) == list(LABELS)
    assert np.diag(result.confusion).tolist() == [10] * 7
    assert result.ferplus_accuracy is None


def test_votes_are_measured_where_they_are_clear(random_faces):
    random_faces.votes[:2] = 0
    random_faces.votes[0, 4] = 9  # anger, as labelled
    random_faces.votes[1, 1] = 9  # happiness, labelled anger
    result = evaluate(probabilities(random_faces.labels), random_faces)
    assert (result.ferplus_samples, result.ferplus_accuracy) == (2, 0.5)


def test_two_models_are_compared_sample_by_sample():
    labels = np.zeros(100, int)
    first, second = labels.copy(), labels.copy()
    first[:20] = 1
    second[15:25] = 1
    result = compare(first, second, labels)
    assert (result.first, result.second) == (0.8, 0.9)
    assert result.difference == pytest.approx(0.1)
    assert (result.only_first_right, result.only_second_right) == (5, 15)
    assert result.mcnemar_p == pytest.approx(0.0414, abs=1e-4)
    assert result.interval[0] < 0.1 < result.interval[1]


def test_the_shipped_model_is_measured_as_text_and_json(
    shipped_model, random_npz, tmp_path, capsys
):
    drawing = tmp_path / "confusion.png"
    words = ["evaluate", str(shipped_model), "--data", str(random_npz), "--split", "public"]
    assert cli.main([*words, "--confusion", str(drawing)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{shipped_model}: ")
    assert said[0].endswith("% of 14 samples (public)")
    assert "expected calibration error" in said[1]
    assert [line.split()[0] for line in said[4:11]] == list(LABELS)
    assert cv2.imread(str(drawing)) is not None
    assert cli.main([*words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["model"] == str(shipped_model)
    assert facts["samples"] == np.sum(facts["confusion"]) == 14
    assert f"{facts['accuracy']:.2%}" in said[0]
    assert facts["classes"]["happy"]["recall"] in (0.0, 0.5, 1.0)


def test_a_model_does_not_differ_from_itself(shipped_model, random_npz, capsys):
    words = ["evaluate", "--compare", str(shipped_model), str(shipped_model)]
    assert cli.main([*words, "--data", str(random_npz)]) == 0
    said = capsys.readouterr().out
    assert "difference +0.00 points, 95% interval +0.00 to +0.00" in said
    assert "McNemar's exact p = 1\n" in said


def test_float_weights_are_measured(random_checkpoint, random_npz, capsys):
    assert cli.main(["evaluate", str(random_checkpoint), "--data", str(random_npz)]) == 0
    assert "% of 14 samples (private)\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "name one model to evaluate, or two after --compare"),
        (["m.tflite", "--compare", "a", "b"], "name one model to evaluate, or two"),
        (["--compare", "a", "b", "--confusion", "c.png"], "--confusion draws one model"),
        (["--compare", "a", "b", "--selective"], "--selective measures one model"),
        (["m", "--robustness", "--confusion", "c.png"], "--confusion is drawn without"),
        (["m", "--chart", "c.png"], "--chart is drawn with --robustness or --selective"),
        (["m", "--robustness", "--min-confidence", "0.1"], "--min-confidence is for --selective"),
    ],
)
def test_impossible_wishes_are_usage_errors(words, complaint, random_npz, capsys):
    assert cli.main(["evaluate", *words, "--data", str(random_npz)]) == 2
    assert complaint in capsys.readouterr().err


def test_an_empty_split_is_refused(shipped_model, random_npz, capsys):
    arrays = dict(np.load(random_npz))
    arrays["split"][:] = 0
    np.savez(random_npz, **arrays)
    assert cli.main(["evaluate", str(shipped_model), "--data", str(random_npz)]) == 1
    assert capsys.readouterr().err == (
        f"emotion-converter: {random_npz}: the dataset has no sample in this split (private)\n"
    )


def test_an_existing_drawing_is_kept(shipped_model, random_npz, tmp_path, capsys):
    drawing = tmp_path / "precious.png"
    drawing.write_bytes(b"precious")
    words = ["evaluate", str(shipped_model), "--data", str(random_npz)]
    assert cli.main([*words, "--confusion", str(drawing)]) == 2
    assert "exists; pass --force to replace it" in capsys.readouterr().err
    assert drawing.read_bytes() == b"precious"
