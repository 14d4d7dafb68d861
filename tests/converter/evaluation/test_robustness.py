"""Accuracy in bad images: the same images for both models, as text, JSON and a chart."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter import cli
from converter.data.faces import Split
from converter.evaluation.classifiers import Classifier
from converter.evaluation.corruptions import CORRUPTIONS
from converter.evaluation.evaluate import names_apart
from converter.evaluation.robustness import robustness, robustness_text

pytestmark = pytest.mark.converter


class Judge:
    """Answers with the label of the sample that an image is nearest to, and keeps the images."""

    def __init__(self, faces):
        self._known = faces.images.reshape(len(faces), -1).astype(np.float32)
        self._labels = faces.labels
        self.seen = []

    def __call__(self, images):
        self.seen.append(images)
        flat = images.reshape(len(images), 1, -1).astype(np.float32)
        nearest = np.square(flat - self._known).sum(axis=2).argmin(axis=1)
        return np.eye(7, dtype=np.float32)[self._labels[nearest]]


@pytest.fixture
def faces(random_faces):
    return random_faces.part(Split.PRIVATE)


def test_both_models_see_the_same_images(faces):
    one, other = Judge(faces), Judge(faces)
    models = [Classifier(outputs=judge, activation="probabilities") for judge in (one, other)]
    result = robustness(models, faces, 5, CORRUPTIONS[4:6])
    assert len(one.seen) == 1 + 2 * 5
    for mine, theirs in zip(one.seen, other.seen, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert result.uncorrupted == (1.0, 1.0)
    assert list(result.corruptions) == ["noise", "JPEG"]
    shares = result.shares()
    assert shares.shape == (2, 2, 5)
    assert result.mean == pytest.approx(shares.mean(axis=(1, 2)), abs=1e-5)
    assert (result.samples, result.seed) == (14, 5)


def test_accuracies_are_those_of_the_corrupted_images(faces):
    judge = Judge(faces)
    model = Classifier(outputs=judge, activation="probabilities")
    (under,) = robustness([model], faces, 0, [CORRUPTIONS[7]]).corruptions.values()
    again = [
        (judge(images).argmax(axis=1) == faces.labels).mean() for images in list(judge.seen[1:])
    ]
    assert under.accuracy == (pytest.approx(again, abs=1e-5),)
    assert under.accuracy[0][-1] < 1


def test_the_verdict_names_the_least_lead(faces):
    always_angry = Classifier(
        outputs=lambda images: np.eye(7, dtype=np.float32)[np.zeros(len(images), int)],
        activation="probabilities",
    )
    right = Classifier(outputs=Judge(faces), activation="probabilities")
    result = robustness([right, always_angry], faces, 0, CORRUPTIONS[2:3])
    text = robustness_text(["right", "angry"], result)
    least = min(result.shares()[0].ravel()) - 1 / 7
    assert f"the least lead is {least * 100:+.1f} points (blur, strength " in text
    alone = robustness_text(["right"], robustness([right], faces, 0, CORRUPTIONS[2:3]))
    assert "lead" not in alone


def test_the_shipped_model_under_every_corruption(shipped_model, random_npz, tmp_path, capsys):
    chart = tmp_path / "robustness.png"
    model = str(shipped_model)
    words = ["evaluate", "--robustness", "--data", str(random_npz), "--limit", "2", "--seed", "3"]
    assert cli.main([*words, model, "--chart", str(chart)]) == 0
    said = capsys.readouterr().out
    assert cv2.imread(str(chart)) is not None
    assert said.startswith("2 samples, seed 3\n")
    rows = said.splitlines()[4:]
    assert len(rows) == len(CORRUPTIONS) == 11
    assert [row.count("%") for row in rows] == [5] * 11
    assert cli.main([*words, "--json", "--compare", model, model]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["models"] == [model, model]
    assert facts["split"] == "private"
    assert f"{facts['mean'][0]:.2%} mean of all corruptions" in said
    assert facts["corruptions"]["small face"]["amounts"] == [40, 32, 24, 16, 12]
    first, second = facts["corruptions"]["blur"]["accuracy"]
    assert first == second


def test_models_of_one_name_are_told_apart_by_their_folders(tmp_path):
    one, other = tmp_path / "a" / "m.tflite", tmp_path / "b" / "m.tflite"
    assert names_apart([one, other]) == [str(one), str(other)]
    assert names_apart([one, tmp_path / "n.tflite"]) == ["m", "n"]


def test_an_existing_chart_is_kept(shipped_model, random_npz, tmp_path, capsys):
    chart = tmp_path / "precious.png"
    chart.write_bytes(b"precious")
    words = ["evaluate", "--robustness", str(shipped_model), "--data", str(random_npz)]
    assert cli.main([*words, "--chart", str(chart)]) == 2
    assert "exists; pass --force to replace it" in capsys.readouterr().err
