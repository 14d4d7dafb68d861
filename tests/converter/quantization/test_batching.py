"""A network that was converted for one sample takes several, and answers each as before."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.errors import ConversionError  # noqa: E402 (after the skip)
from converter.interpreter import load_interpreter  # noqa: E402
from converter.quantization.batching import for_batches  # noqa: E402
from converter.quantization.export import float_tflite  # noqa: E402
from converter.quantization.graph import operator_kinds  # noqa: E402

pytestmark = pytest.mark.converter

nn = torch.nn
SAMPLES = np.random.default_rng(0).standard_normal((3, 48, 48, 1)).astype(np.float32)


class Interleaved(nn.Module):
    """Reshapes several times, once so that its first dimension is not the number of samples."""

    def forward(self, x):
        pairs = x.reshape(-1, 2).flip(0)
        return pairs.reshape(x.shape[0], -1)[:, :7]


def answers(model, samples):
    """What the network gives for all of `samples` in one run."""
    interpreter = load_interpreter(model)
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(source["index"], samples.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(source["index"], samples)
    interpreter.invoke()
    return interpreter.get_tensor(result["index"])


def one_by_one(model):
    return np.concatenate([answers(model, sample[None]) for sample in SAMPLES])


@pytest.fixture(scope="module")
def flattens():
    torch.manual_seed(0)
    return float_tflite(
        nn.Sequential(nn.Conv2d(1, 8, 3, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 144, 7))
    )


def test_several_samples_are_answered_as_each_of_them(flattens):
    with pytest.raises(RuntimeError):
        answers(flattens, SAMPLES)
    opened = for_batches(flattens)
    together = answers(opened, SAMPLES)
    assert together.shape == (3, 7)
    np.testing.assert_allclose(together, one_by_one(flattens), atol=1e-5)
    np.testing.assert_array_equal(one_by_one(opened), one_by_one(flattens))


def test_a_reshape_across_samples_is_left(flattens):
    model = float_tflite(Interleaved())
    assert "RESHAPE" in operator_kinds(model)
    opened = for_batches(model)
    np.testing.assert_array_equal(one_by_one(opened), one_by_one(model))
    with pytest.raises(RuntimeError):
        answers(opened, SAMPLES)


def test_it_changes_nothing_twice(flattens, shipped_model):
    assert for_batches(for_batches(flattens)) == for_batches(flattens)
    shipped = shipped_model.read_bytes()
    assert for_batches(shipped) == shipped


def test_what_is_no_model_is_refused():
    with pytest.raises(ConversionError, match="not a TFLite model"):
        for_batches(b"no model at all")
