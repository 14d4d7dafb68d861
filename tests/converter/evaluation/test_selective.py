"""How many faces get a label and how many of the labels are right."""

import json
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from sklearn.metrics import auc

from converter import cli
from converter.evaluation.selective import MIN_CONFIDENCE, risk_coverage, selective

pytestmark = pytest.mark.converter

DEFAULTS = Path(__file__).parents[3] / "edge" / "config" / "default.toml"


def rows(confidences, predictions):
    found = np.repeat(((1 - np.array(confidences)) / 6)[:, None], 7, axis=1)
    found[np.arange(len(found)), predictions] = confidences
    return found.astype(np.float32)


def test_the_device_s_default_is_the_one_that_is_measured():
    assert tomllib.loads(DEFAULTS.read_text())["smoother"]["min_confidence"] == MIN_CONFIDENCE


def test_labels_below_the_minimum_are_not_counted():
    result = selective(rows([0.9, 0.6, 0.5, 0.3], [0, 1, 2, 3]), np.array([0, 1, 0, 0]), 0.5)
    assert (result.chosen.labelled, result.chosen.accuracy) == (
        0.75,
        pytest.approx(2 / 3, abs=1e-5),
    )
    assert [one.min_confidence for one in result.table][:3] == [0.0, 0.05, 0.1]
    assert (result.table[0].labelled, result.table[0].accuracy) == (1.0, 0.5)
    assert (result.table[-1].labelled, result.table[-1].accuracy) == (0.0, None)


def test_the_curve_rises_where_the_sure_ones_are_right():
    labels = np.array([0, 1, 0, 0])
    probabilities = rows([0.3, 0.9, 0.5, 0.6], [3, 1, 2, 0])
    coverage, wrong = risk_coverage(probabilities, labels)
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert wrong.tolist() == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert selective(probabilities, labels, 0.5).area == pytest.approx(5 / 24, abs=1e-5)


def test_the_area_is_that_under_the_curve():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(7), 2000).astype(np.float32)
    labels = np.array([rng.choice(7, p=row / row.sum()) for row in probabilities.astype(float)])
    area = selective(probabilities, labels, 0.5).area
    assert area == pytest.approx(auc(*risk_coverage(probabilities, labels)), abs=0.002)


def test_the_shipped_model_s_labels(shipped_model, random_npz, tmp_path, capsys):
    chart = tmp_path / "curve.png"
    words = ["evaluate", "--selective", str(shipped_model), "--data", str(random_npz)]
    assert cli.main([*words, "--chart", str(chart)]) == 0
    said = capsys.readouterr().out
    assert cv2.imread(str(chart)) is not None
    assert f"{shipped_model}: with a label from {MIN_CONFIDENCE} on, " in said
    assert "of 14 samples (private) get one" in said
    assert said.count("\n") == 24
    assert cli.main([*words, "--json", "--min-confidence", "0"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["chosen"] == facts["table"][0]
    assert facts["chosen"]["labelled"] == 1.0


def test_no_label_at_all_is_said(shipped_model, random_npz, tmp_path, capsys):
    words = ["evaluate", "--selective", str(shipped_model), "--data", str(random_npz)]
    chart = tmp_path / "curve.png"
    assert cli.main([*words, "--min-confidence", "1", "--chart", str(chart)]) == 0
    assert "0.0% of 14 samples (private) get one, none of the labels" in capsys.readouterr().out


@pytest.mark.parametrize("share", ["-0.1", "1.1", "nan", "high"])
def test_an_impossible_minimum_is_a_usage_error(share, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["evaluate", "m", "--data", "d", "--selective", f"--min-confidence={share}"])
    assert "--min-confidence" in capsys.readouterr().err
