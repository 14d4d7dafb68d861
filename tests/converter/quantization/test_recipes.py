"""The named ways to quantize, and the ranges that a static one spreads its integers over."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the converter extra is not installed")

from ai_edge_quantizer import calibrator, recipe_manager  # noqa: E402 (after the skip)
from ai_edge_quantizer.utils import qsv_utils  # noqa: E402

from converter.errors import ConversionError  # noqa: E402
from converter.interpreter import load_interpreter  # noqa: E402
from converter.preprocessing import Preparation  # noqa: E402
from converter.quantization.calibration import ESTIMATORS, input_range, measured_ranges  # noqa: E402
from converter.quantization.export import float_tflite  # noqa: E402
from converter.quantization.graph import check_full_integer, operator_kinds  # noqa: E402
from converter.quantization.integer import input_tensors, quantized  # noqa: E402
from converter.quantization.recipes import DYNAMIC, FLOAT, RECIPES, STATIC  # noqa: E402
from converter.quiet import quiet  # noqa: E402

pytestmark = pytest.mark.converter

ORACLES = {
    "min_max": qsv_utils.min_max_update,
    "moving_average": qsv_utils.moving_average_update,
}


def small_net(*last):
    nn = torch.nn
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, stride=4, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(16 * 10 * 10, 7), *last),
    )


@pytest.fixture(scope="module")
def float_model():
    return float_tflite(small_net())


@pytest.fixture(scope="module")
def samples():
    noise = np.random.default_rng(0).integers(0, 256, (12, 48, 48), np.uint8)
    return [Preparation()(image) for image in noise]


def answers(model, samples):
    interpreter = load_interpreter(model)
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for sample in samples:
        interpreter.set_tensor(source["index"], sample)
        interpreter.invoke()
        found.append(interpreter.get_tensor(result["index"])[0])
    return np.array(found)


@pytest.mark.parametrize("name", ORACLES)
def test_ranges_are_those_of_the_quantizers_own_calibrator(name, float_model, samples):
    rules = recipe_manager.RecipeManager()
    rules.load_quantization_recipe(STATIC.rules)
    with quiet():
        oracle = calibrator.Calibrator(float_model, qsv_update_func=ORACLES[name])
        named = [{"args_0": sample} for sample in samples]
        oracle.calibrate({"serving_default": named}, rules)
    expected = oracle.get_model_qsvs()
    found = measured_ranges(float_model, samples, len(samples), name)
    assert set(found) == set(expected)
    for tensor, (low, high) in found.items():
        assert low == pytest.approx(expected[tensor]["min"].item(), rel=1e-5, abs=1e-6)
        assert high == pytest.approx(expected[tensor]["max"].item(), rel=1e-5, abs=1e-6)


def test_a_percentile_is_that_of_all_values_of_all_samples():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 5000)).astype(np.float32)
    values[3] *= 50  # one sample has all the outliers
    estimator = ESTIMATORS["percentile"](len(values))
    for sample in values:
        estimator.update(sample.reshape(50, 100))
    expected = np.percentile(values, (0.05, 99.95))
    np.testing.assert_allclose(estimator.range, expected, rtol=0.01)


def test_a_percentile_of_few_values_is_their_extremes():
    estimator = ESTIMATORS["percentile"](3)
    for values in ([1, 2], [-5, 2], [0, 9]):
        estimator.update(np.array(values, np.float32))
    assert estimator.range == (-5, 9)


def test_wider_estimators_hold_narrower_ones(float_model, samples):
    widest, average, percentile = (
        measured_ranges(float_model, samples, len(samples), name)
        for name in ("min_max", "moving_average", "percentile")
    )
    for tensor, (low, high) in widest.items():
        for narrow_low, narrow_high in (average[tensor], percentile[tensor]):
            assert low <= narrow_low <= narrow_high <= high


@pytest.mark.parametrize(
    ("mean", "std"), [(127.5, 127.5), (0, 1), (0, 255), (123.68, 58.4), (255, 3), (128, 128)]
)
def test_an_input_range_gives_each_pixel_its_integer(mean, std):
    low, high = input_range(mean, std)
    scale = (high - low) / 255
    zero_point = -128 - low / scale
    assert zero_point == pytest.approx(round(zero_point), abs=1e-6)
    steps = (np.arange(256) - mean) / std / scale + round(zero_point)
    assert steps.min() > -128.51
    assert steps.max() < 127.51
    assert np.abs(steps % 1 - 0.5).min() > 1e-4  # no tie, to be rounded either way
    assert len(set(np.rint(steps))) >= 254


def test_our_own_input_is_symmetric():
    assert input_range(127.5, 127.5) == pytest.approx((-128 / 127, 1.0))


def test_a_tensor_that_is_no_number_is_named(float_model, samples):
    broken = np.full_like(samples[0], np.nan)
    with pytest.raises(ConversionError, match="is not a number on calibration sample 1") as caught:
        measured_ranges(float_model, [samples[0], broken], 2)
    assert "\n" not in str(caught.value)


def test_the_static_recipe_leaves_integers_alone(float_model, samples):
    ranges = measured_ranges(float_model, samples, len(samples))
    model = quantized(float_model, STATIC, ranges)
    check_full_integer(model)
    assert len(model) < len(float_model) / 2


def test_the_input_and_its_padding_share_a_range(float_model):
    graph_input, padded = input_tensors(float_model)
    assert graph_input.startswith("serving_default")
    assert padded != graph_input


def test_the_dynamic_recipe_keeps_float_ends_and_the_answers(float_model, samples):
    model = quantized(float_model, DYNAMIC, {})
    assert len(model) < len(float_model) / 2
    assert operator_kinds(model) == operator_kinds(float_model)
    before, after = answers(float_model, samples), answers(model, samples)
    assert after.dtype == np.float32
    assert 0 < np.abs(after - before).max() < 0.05 * np.ptp(before)
    with pytest.raises(ConversionError, match="not full-integer"):
        check_full_integer(model)


def test_the_float_recipe_changes_nothing(float_model):
    assert quantized(float_model, FLOAT, {}) is float_model


def test_the_static_recipe_refuses_what_it_must_leave_in_float(samples):
    class Cumulated(torch.nn.Module):  # an operator that has no int8 version
        def forward(self, x):
            return x.cumsum(1)

    model = float_tflite(small_net(Cumulated()))
    ranges = measured_ranges(model, samples, len(samples))
    with pytest.raises(ConversionError, match=r"not full-integer: tensor .* is FLOAT32"):
        quantized(model, STATIC, ranges)


def test_missing_ranges_are_one_line(float_model):
    with pytest.raises(ConversionError, match="static_wi8_ai8 cannot quantize this network: ") as e:
        quantized(float_model, STATIC, {})
    assert "\n" not in str(e.value)


def test_recipes_have_the_names_that_manifests_carry():
    assert list(RECIPES) == ["static_wi8_ai8", "dynamic_wi8", "float32"]
    assert all(name == recipe.name for name, recipe in RECIPES.items())
