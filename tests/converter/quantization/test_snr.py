"""Signal to noise between a float model and one made from it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the converter extra is not installed")

from ai_edge_litert import schema_py_generated as schema  # noqa: E402 (after the skip)
from ai_edge_litert.tools import flatbuffer_utils  # noqa: E402
from ai_edge_quantizer import model_validator  # noqa: E402
from ai_edge_quantizer.utils.validation_utils import ValidationErrorMetric  # noqa: E402

from converter.errors import ConversionError  # noqa: E402
from converter.preprocessing import Preparation  # noqa: E402
from converter.quantization.activations import Activations  # noqa: E402
from converter.quantization.calibration import input_range, measured_ranges  # noqa: E402
from converter.quantization.export import float_tflite  # noqa: E402
from converter.quantization.graph import operator_kinds  # noqa: E402
from converter.quantization.integer import input_tensors, quantized  # noqa: E402
from converter.quantization.recipes import DYNAMIC, STATIC  # noqa: E402
from converter.quantization.snr import FLOAT32_DB, TensorFidelity, fidelity, worst  # noqa: E402
from converter.quiet import quiet  # noqa: E402

pytestmark = pytest.mark.converter


@pytest.fixture(scope="module")
def float_model():
    nn = torch.nn
    torch.manual_seed(0)
    return float_tflite(
        nn.Sequential(
            *(nn.Conv2d(1, 8, 3, stride=4), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(8 * 10 * 10, 7)),
        )
    )


@pytest.fixture(scope="module")
def samples():
    noise = np.random.default_rng(0).integers(0, 256, (8, 48, 48), np.uint8)
    return [Preparation()(image) for image in noise]


@pytest.fixture(scope="module")
def ranges(float_model, samples):
    # Without ties in the input, which the validator rounds the other way.
    known = dict.fromkeys(input_tensors(float_model), input_range(127.5, 127.5))
    return measured_ranges(float_model, samples, len(samples)) | known


def test_every_tensor_is_measured_in_its_order(float_model, samples, ranges):
    found = fidelity(float_model, quantized(float_model, STATIC, ranges), samples)
    assert [tensor.operator for tensor in found] == operator_kinds(float_model)
    assert all(20 < tensor.snr_db < 80 for tensor in found)


def test_it_agrees_with_the_quantizers_own_validator(float_model, samples, ranges):
    model = quantized(float_model, STATIC, ranges)
    with quiet():
        oracle = model_validator.compare_model(
            float_model,
            model,
            {"serving_default": [{"args_0": samples[0]}]},
            [ValidationErrorMetric.MSE],
        )
    noise = oracle.get_all_tensor_results()
    signal = {name: np.square(x).mean() for name, x in Activations(float_model)(samples[0])}
    for tensor in fidelity(float_model, model, samples[:1]):
        expected = 10 * np.log10(signal[tensor.tensor] / noise[tensor.tensor]["mse"])
        assert tensor.snr_db == pytest.approx(expected, abs=0.01)


def test_a_range_that_clips_shows_in_its_tensor_and_those_after_it(float_model, samples, ranges):
    names = [tensor.tensor for tensor in fidelity(float_model, float_model, samples)]
    clipped = names[1]
    low, high = ranges[clipped]
    tight = {**ranges, clipped: (low / 8, high / 8)}
    before = fidelity(float_model, quantized(float_model, STATIC, ranges), samples)
    after = fidelity(float_model, quantized(float_model, STATIC, tight), samples)
    loss = [b.snr_db - a.snr_db for b, a in zip(before, after, strict=True)]
    changed = dict(zip(names, loss, strict=True))
    assert changed[names[0]] == 0
    assert changed[clipped] > 10
    assert all(changed[name] > 10 for name in names[2:])
    assert worst(after, 1)[0].snr_db < 20


def test_equal_models_differ_by_nothing(float_model, samples):
    assert {tensor.snr_db for tensor in fidelity(float_model, float_model, samples)} == {FLOAT32_DB}


def test_dynamic_models_are_compared_too(float_model, samples):
    found = fidelity(float_model, quantized(float_model, DYNAMIC, {}), samples)
    assert len(found) == len(operator_kinds(float_model))
    assert worst(found, 1)[0].snr_db > 20


def test_a_tensor_that_fell_silent_is_the_worst(float_model, samples):
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(float_model))
    for tensor in tree.subgraphs[0].tensors:
        weights = tree.buffers[tensor.buffer]
        if tensor.type == schema.TensorType.FLOAT32 and weights.data is not None:
            weights.data = np.zeros(len(weights.data), np.uint8)
    silent = bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
    # 0 dB: as much is missing as there was.
    assert {tensor.snr_db for tensor in fidelity(float_model, silent, samples)} == {0}
    assert worst(fidelity(silent, float_model, samples), 1)[0].snr_db == -FLOAT32_DB


def test_the_worst_come_first():
    tensors = [TensorFidelity(tensor=str(n), operator="X", snr_db=n) for n in range(20, 0, -1)]
    assert [tensor.snr_db for tensor in worst(tensors)] == list(range(1, 11))


def test_garbage_is_no_model(float_model, samples):
    with pytest.raises(ConversionError, match="not a TFLite model"):
        fidelity(float_model, b"garbage", samples)
