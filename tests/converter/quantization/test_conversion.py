"""The way from float weights to the int8 model, all of it, on a network that was never trained."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the converter extra is not installed")

from converter import cli  # noqa: E402 (after the skip)
from converter.data.faces import FaceDataset, Split  # noqa: E402
from converter.errors import ConversionError  # noqa: E402
from converter.evaluation.classifiers import TfliteClassifier, TorchClassifier  # noqa: E402
from converter.manifest import sha256  # noqa: E402
from converter.quantization.calibration import measured_ranges  # noqa: E402
from converter.quantization.export import float_tflite  # noqa: E402
from converter.quantization.float_model import own_model  # noqa: E402
from converter.quantization.graph import check_full_integer, graph_facts, operator_kinds  # noqa: E402
from converter.quantization.integer import quantized  # noqa: E402
from converter.quantization.recipes import STATIC  # noqa: E402
from converter.training.model import fer_net  # noqa: E402

pytestmark = [pytest.mark.converter, pytest.mark.slow, pytest.mark.timeout(900)]

OPERATORS = {"CONV_2D", "DEPTHWISE_CONV_2D", "CONCATENATION", "PAD", "RESHAPE"}
"""What XNNPACK computes in int8; no QUANTIZE, MEAN or TRANSPOSE breaks the graph."""


@pytest.fixture(scope="module")
def net(random_net):
    return fer_net(random_net)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 256, (24, 48, 48), np.uint8)


@pytest.fixture(scope="module")
def model(net, noise):
    return own_model(net, unlabelled(noise))


def unlabelled(images):
    count = len(images)
    return FaceDataset(
        images=images,
        labels=np.zeros(count, np.uint8),
        split=np.zeros(count, np.uint8),
        votes=np.full((count, 10), -1, np.int8),
    )


@pytest.fixture(scope="module")
def float_model(model):
    return model.content


@pytest.fixture(scope="module")
def int8_model(model, noise):
    ranges = measured_ranges(model.content, model.prepared(noise), len(noise))
    return quantized(model.content, STATIC, {**ranges, **model.known})


def test_the_float_model_answers_as_torch_does(net, float_model, noise):
    expected = TorchClassifier(net)(noise)
    actual = TfliteClassifier(float_model)(noise)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4)
    assert set(operator_kinds(float_model)) == OPERATORS


def test_the_int8_model_answers_nearly_so(net, int8_model, noise):
    expected = TorchClassifier(net)(noise)
    actual = TfliteClassifier(int8_model)(noise)
    # Noise moves the logits of random weights little beside their own differences.
    assert np.corrcoef(actual.ravel(), expected.ravel())[0, 1] > 0.99
    assert np.abs(actual - expected).max() < 0.1 * np.ptp(expected)


def test_the_int8_model_is_whole_numbers_in_one_piece(int8_model):
    check_full_integer(int8_model)
    facts = graph_facts(int8_model)
    assert set(facts.operators) == OPERATORS
    assert facts.xnnpack_partitions == 1


@pytest.mark.by_hand
def test_a_deep_stem_is_one_piece_too_for_few_more_multiplications(
    random_deep_net, int8_model, noise
):
    net, count = fer_net(random_deep_net), len(noise)
    model = own_model(net, unlabelled(noise))
    ranges = measured_ranges(model.content, model.prepared(noise), count)
    content = quantized(model.content, STATIC, {**ranges, **model.known})
    check_full_integer(content)
    facts, plain = graph_facts(content), graph_facts(int8_model)
    assert set(facts.operators) == OPERATORS
    assert facts.xnnpack_partitions == 1
    more = 48 * 48 * 9 * 32 + 24 * 24 * 9 * 31 * 64
    assert facts.multiplications == plain.multiplications + more
    assert more < 0.025 * plain.multiplications
    actual = TfliteClassifier(content)(noise)
    assert np.corrcoef(actual.ravel(), TorchClassifier(net)(noise).ravel())[0, 1] > 0.99


def test_a_float_model_is_refused_as_full_integer(float_model):
    with pytest.raises(ConversionError, match=r"not full-integer: tensor .* is FLOAT32"):
        check_full_integer(float_model)


def test_a_network_of_another_shape_is_no_classifier():
    with pytest.raises(ConversionError, match=r"maps \(1, 48, 48, 1\) to \(1, 3\)"):
        TfliteClassifier(
            float_tflite(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48 * 48, 3)))
        )


def test_a_network_that_cannot_be_traced_is_refused_in_one_line():
    class Branching(torch.nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(ConversionError, match="does not convert to TFLite: ") as caught:
        float_tflite(Branching())
    assert "\n" not in str(caught.value)


def test_the_command_writes_a_pair_that_fits(
    random_checkpoint, random_npz, random_faces, tmp_path, capsys
):
    out = tmp_path / "tiny.tflite"
    words = ["quantize", str(random_checkpoint), "--data", str(random_npz), "--out", str(out)]
    assert cli.main([*words, "--calibration", "7", "--seed", "5"]) == 0

    facts = json.loads(out.with_suffix(".json").read_text())
    assert facts["model"]["sha256"] == sha256(out.read_bytes())
    assert facts["source"] == {
        "file": random_checkpoint.name,
        "sha256": sha256(random_checkpoint.read_bytes()),
    }
    assert facts["quantization"]["calibration_pictures"] == 7
    assert facts["quantization"]["seed"] == 5
    assert facts["output"]["temperature"] > 0
    assert facts["metrics"]["public_test"]["pictures"] == len(random_faces.part(Split.PUBLIC))
    assert "PrivateTest: float" in capsys.readouterr().out
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.stem == "tiny") == [
        ".json",
        ".tflite",
    ]
    assert cli.main(words) == 2  # exists
