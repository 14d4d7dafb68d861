"""The arithmetic of the estimates for a Raspberry Pi."""

from dataclasses import replace

import pytest

from docs.pi_estimate import CORES, bound_ms, instructions, multiply_accumulates, pi_estimate, works

A72, A76 = CORES


TENSORS = {
    0: {"shape": [1, 8, 8, 3]},
    1: {"shape": [16, 5, 5, 3]},  # 16 filters of 5x5 over 3 channels
    2: {"shape": [1, 4, 4, 16]},
    3: {"shape": [1, 3, 3, 16]},  # one 3x3 filter for each channel
    4: {"shape": [10, 256]},
    5: {"shape": [1, 10]},
}


@pytest.mark.parametrize(
    ("name", "inputs", "output", "macs"),
    [
        ("CONV_2D", [0, 1], 2, 4 * 4 * 16 * 5 * 5 * 3),
        ("DEPTHWISE_CONV_2D", [2, 3], 2, 4 * 4 * 16 * 3 * 3),
        ("FULLY_CONNECTED", [2, 4], 5, 2560),
        ("ADD", [2, 2], 2, 0),
    ],
)
def test_products_are_counted(name: str, inputs: list[int], output: int, macs: int) -> None:
    op = {"op_name": name, "inputs": inputs, "outputs": [output]}
    assert multiply_accumulates(op, TENSORS) == macs


def test_the_bound_is_the_larger_of_products_and_instructions() -> None:
    for work in works():
        for core in CORES:
            per_cycle = core.int8_per_cycle if work.is_int8 else core.float_per_cycle
            products_ms = work.macs / per_cycle / core.ghz / 1e6
            counted = instructions(work, core)
            issued_ms = (counted or 0) / core.instructions_per_cycle / core.ghz / 1e6
            assert bound_ms(work, core) == pytest.approx(max(products_ms, issued_ms))
    assert all(bound_ms(work, A72) > bound_ms(work, A76) for work in works())


def test_a_count_is_of_the_very_network() -> None:
    for work in works():
        assert instructions(replace(work, sha256="0" * 64), A72) is None


def test_it_is_called_an_estimate() -> None:
    assert "estimate for" in pi_estimate()
