"""Every rewrite keeps the logits. The oracle is the network as it was trained."""

import pytest

torch = pytest.importorskip("torch", reason="the converter extra is not installed")

from torch import nn  # noqa: E402 (after the skip)

from converter.errors import ConversionError  # noqa: E402
from converter.quantization import passes  # noqa: E402
from converter.training.model import fer_net  # noqa: E402

pytestmark = pytest.mark.converter

TOLERANCE = 1e-4  # of logits of order 1: 121 layers of float32 rounding


@pytest.fixture(scope="module")
def net(random_net):
    return fer_net(random_net)


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(8, 1, 48, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture(scope="module")
def expected(random_net, pictures):
    with torch.inference_mode():
        return random_net(pictures)[0]


def assert_same_logits(net, pictures, expected):
    with torch.inference_mode():
        torch.testing.assert_close(net(pictures), expected, rtol=0, atol=TOLERANCE)


def kinds(net):
    return {type(module) for module in net.modules()}


def test_the_fer_head_alone_answers_the_same(net, pictures, expected):
    assert expected.std() > 0.05  # else any answer would do
    assert_same_logits(net, pictures, expected)


@pytest.mark.parametrize(
    "apply",
    [
        passes.fold_norms,
        passes.norms_to_depthwise,
        passes.pools_before_convolutions,
        passes.pools_to_depthwise,
        passes.head_to_convolution,
    ],
)
def test_a_pass_alone_keeps_the_logits_and_its_input(apply, net, pictures, expected):
    if apply is passes.pools_to_depthwise:
        net = passes.pools_before_convolutions(net)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert_same_logits(apply(net), pictures, expected)
    after = net.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_all_passes_keep_the_logits_and_leave_only_convolutions(net, pictures, expected):
    rewritten = passes.rewrite(net, pictures)
    assert_same_logits(rewritten, pictures, expected)
    assert not kinds(rewritten) & {nn.BatchNorm2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Linear}


def test_logits_hold_on_pictures_that_were_not_calibrated_with(net, pictures, expected):
    assert_same_logits(passes.rewrite(net, pictures[:4]), pictures, expected)


def test_folding_leaves_the_norms_that_follow_a_concat(net):
    folded = passes.fold_norms(net)
    norms = [name for name, module in folded.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 58 + 3 + 1  # a first norm per layer, the transitions' and the last
    assert not any("norm2" in name or "norm0" in name for name in norms)


def test_equalized_channels_fill_the_unit_interval(net, pictures):
    equal = passes.rewrite(net, pictures)
    x = pictures
    with torch.inference_mode():
        for name, part in equal.features.named_children():
            x = part(x)
            if name.startswith("denseblock"):
                assert x.min() > -1e-4
                assert x.max() < 1 + 1e-4
                filled = x.amax((0, 2, 3)) - x.amin((0, 2, 3)) > 0.999
                assert filled[64:].all()  # the stem's 64 start at 0, but need not reach it


def test_a_channel_that_is_constant_stays_finite(net, pictures):
    dead = passes.fold_norms(net)
    conv = dead.features.blocks[0].layers[0].conv2
    conv.weight.data[3] = 0
    with torch.inference_mode():
        expected = dead(pictures)
    assert_same_logits(passes.rewrite(dead, pictures), pictures, expected)


def test_equalizing_before_the_norms_are_convolutions_is_refused(net, pictures):
    with pytest.raises(ConversionError, match="comes after norms_to_depthwise"):
        passes.equalize_channels(net, pictures)


def test_the_names_are_those_of_the_passes():
    assert all(callable(getattr(passes, name)) for name in passes.PASS_NAMES)
    assert [p.__name__ for p in passes.REWRITES] == list(passes.PASS_NAMES[:-1])
