"""What a TFLite file consists of."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the converter extra is not installed")

from ai_edge_litert import schema_py_generated as schema  # noqa: E402 (after the skip)
from ai_edge_litert.tools import flatbuffer_utils  # noqa: E402

from converter.errors import ConversionError  # noqa: E402
from converter.preprocessing import Preparation  # noqa: E402
from converter.quantization.calibration import measured_ranges  # noqa: E402
from converter.quantization.export import float_tflite  # noqa: E402
from converter.quantization.graph import (  # noqa: E402
    check_full_integer,
    graph_facts,
    multiplications,
    operator_kinds,
    read_graph,
    tensor_makers,
    xnnpack_partitions,
)
from converter.quantization.integer import quantized  # noqa: E402
from converter.quantization.recipes import STATIC  # noqa: E402

pytestmark = pytest.mark.converter


@pytest.fixture(scope="module")
def shipped(shipped_model):
    return shipped_model.read_bytes()


@pytest.fixture(scope="module")
def float_model():
    nn = torch.nn
    return float_tflite(
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 46 * 46, 7))
    )


@pytest.fixture(scope="module")
def integers(float_model):
    """The same in int8: small, as rewriting a model takes seconds for each of its megabytes."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 48, 48), np.uint8)
    ranges = measured_ranges(float_model, map(Preparation(), noise), len(noise))
    return quantized(float_model, STATIC, ranges)


def with_activation_type(model, kind):
    """Return the model, the first tensor of its graph called another type."""
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    tree.subgraphs[0].tensors[tree.subgraphs[0].operators[0].outputs[0]].type = kind
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def test_the_shipped_model_is_one_piece(shipped):
    facts = graph_facts(shipped)
    assert facts.size_bytes == len(shipped)
    assert facts.xnnpack_partitions == 1
    assert list(facts.operators) == [
        *("CONV_2D", "DEPTHWISE_CONV_2D", "CONCATENATION", "PAD", "RESHAPE"),
    ]
    # 1 stem, 2 for each of 58 layers, 3 transitions; their norms, pools and the last one; the head
    assert facts.operators["CONV_2D"] == 1 + 2 * 58 + 3
    assert facts.operators["CONCATENATION"] == 58
    assert facts.multiplications == 458_820_864  # as a convolution's outputs by its weights


def test_multiplications_are_each_output_by_its_weights():
    nn = torch.nn
    layers = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3, stride=2), nn.Conv2d(8, 8, 3, groups=8)
    model = float_tflite(nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 20 * 20, 7)))
    first, second, depthwise = 46 * 46 * 4 * 9, 22 * 22 * 8 * 4 * 9, 20 * 20 * 8 * 9
    assert multiplications(model) == first + second + depthwise + 8 * 20 * 20 * 7


def test_operators_come_in_the_order_of_execution(float_model):
    # Of one channel: depthwise. What torch flattens has its channels first.
    kinds = ["DEPTHWISE_CONV_2D", "TRANSPOSE", "RESHAPE", "FULLY_CONNECTED"]
    assert operator_kinds(float_model) == kinds
    assert list(tensor_makers(float_model).values()) == kinds


def test_a_break_in_the_graph_is_another_partition(shipped, float_model):
    assert xnnpack_partitions(float_model) == 1
    strange = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), Cumulated(), torch.nn.Conv2d(4, 1, 46), torch.nn.Flatten()
    )
    facts = graph_facts(float_tflite(strange))
    assert "CUMSUM" in facts.operators
    assert facts.xnnpack_partitions == 2


class Cumulated(torch.nn.Module):
    """Something that XNNPACK does not compute."""

    def forward(self, x):
        return x.cumsum(2)


def test_the_shipped_model_is_full_integer(shipped):
    check_full_integer(shipped)


@pytest.mark.parametrize("kind", ["FLOAT32", "FLOAT16", "INT16"])
def test_any_other_tensor_is_not(integers, kind):
    check_full_integer(integers)
    broken = with_activation_type(integers, getattr(schema.TensorType, kind))
    with pytest.raises(ConversionError, match=f"not full-integer: tensor .* is {kind}; the recipe"):
        check_full_integer(broken)


def test_int32_ends_are_not_for_the_device(integers):
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(integers))
    graph = tree.subgraphs[0]
    graph.tensors[graph.outputs[0]].type = schema.TensorType.INT32
    with pytest.raises(ConversionError, match="is INT32"):
        check_full_integer(bytes(flatbuffer_utils.convert_object_to_bytearray(tree)))


@pytest.mark.parametrize("length", [0, 7, 8, 100, 5000])
def test_a_truncated_model_is_refused_in_one_line(shipped, length):
    for question in (graph_facts, operator_kinds, check_full_integer):
        with pytest.raises(ConversionError, match=r"not a (whole )?TFLite model") as caught:
            question(shipped[:length])
        assert "\n" not in str(caught.value)


def test_garbage_is_refused():
    garbage = np.random.default_rng(0).bytes(1000)
    for content in (garbage, garbage[:4] + b"TFL3" + garbage[8:]):
        with pytest.raises(ConversionError, match=r"not a (whole )?TFLite model"):
            read_graph(content)
