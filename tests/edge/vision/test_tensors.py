import numpy as np
import pytest

from edge.vision.tensors import dequantize, quantize, sigmoid, softmax


@pytest.mark.parametrize(("dtype", "zero_point"), [(np.int8, -3), (np.uint8, 128), (np.int8, -128)])
def test_a_value_survives_the_round_trip_within_half_a_step(dtype: type, zero_point: int) -> None:
    scale = 0.0078
    limits = np.iinfo(dtype)
    low, high = ((limit - zero_point) * scale for limit in (limits.min, limits.max))
    real = np.linspace(low, high, 1001, dtype=np.float32)

    back = dequantize(
        quantize(real, scale=scale, zero_point=zero_point, dtype=dtype),
        scale=scale,
        zero_point=zero_point,
    )

    assert np.abs(back - real).max() <= scale / 2 + 1e-6


def test_quantize_saturates_instead_of_wrapping() -> None:
    far = np.array([-1e6, 1e6], np.float32)
    assert quantize(far, scale=0.1, zero_point=0, dtype=np.int8).tolist() == [-128, 127]


def test_dequantize_does_not_wrap_at_the_far_end() -> None:
    lowest = np.array([-128], np.int8)
    assert dequantize(lowest, scale=1.0, zero_point=127).tolist() == [-255.0]


def test_softmax_sums_to_one_and_stays_finite_for_huge_logits() -> None:
    probs = softmax(np.array([[1000.0, 0.0, -1000.0], [1.0, 1.0, 1.0]], np.float32))
    assert np.isfinite(probs).all()
    assert probs.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert probs[1] == pytest.approx([1 / 3] * 3)


def test_sigmoid_has_the_textbook_values() -> None:
    assert sigmoid(np.array([0.0, np.log(3.0), -500.0])) == pytest.approx([0.5, 0.75, 0.0])
