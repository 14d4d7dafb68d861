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
def samples():
    return torch.rand(8, 1, 48, 48, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture(scope="module")
def expected(random_net, samples):
    with torch.inference_mode():
        return random_net(samples)[0]


def assert_same_logits(net, samples, expected):
    with torch.inference_mode():
        torch.testing.assert_close(net(samples), expected, rtol=0, atol=TOLERANCE)


def kinds(net):
    return {type(module) for module in net.modules()}


def test_the_fer_head_alone_answers_the_same(net, samples, expected):
    assert expected.std() > 0.05  # else any answer would do
    assert_same_logits(net, samples, expected)


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
def test_a_pass_alone_keeps_the_logits_and_its_input(apply, net, samples, expected):
    if apply is passes.pools_to_depthwise:
        net = passes.pools_before_convolutions(net)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert_same_logits(apply(net), samples, expected)
    after = net.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_all_passes_keep_the_logits_and_leave_only_convolutions(net, samples, expected):
    rewritten = passes.rewrite(net, samples)
    assert_same_logits(rewritten, samples, expected)
    assert not kinds(rewritten) & {nn.BatchNorm2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Linear}


def test_all_passes_keep_the_logits_of_a_deep_stem(random_deep_net, samples):
    with torch.inference_mode():
        expected = random_deep_net(samples)[0]
    rewritten = passes.rewrite(fer_net(random_deep_net), samples)
    assert_same_logits(rewritten, samples, expected)
    assert not kinds(rewritten) & {nn.BatchNorm2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Linear}


def test_logits_hold_on_samples_that_were_not_calibrated_with(net, samples, expected):
    assert_same_logits(passes.rewrite(net, samples[:4]), samples, expected)


def test_folding_leaves_the_norms_that_follow_a_concat(net):
    folded = passes.fold_norms(net)
    norms = [name for name, module in folded.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 58 + 3 + 1  # a first norm per layer, the transitions' and the last
    assert not any("norm2" in name or "norm0" in name for name in norms)


def test_equalized_channels_fill_the_unit_interval(net, samples):
    equal = passes.rewrite(net, samples)
    x = samples
    with torch.inference_mode():
        for name, part in equal.features.named_children():
            x = part(x)
            if name.startswith("denseblock"):
                assert x.min() > -1e-4
                assert x.max() < 1 + 1e-4
                filled = x.amax((0, 2, 3)) - x.amin((0, 2, 3)) > 0.999
                assert filled[64:].all()  # the stem's 64 start at 0, but need not reach it


def test_a_channel_that_is_constant_stays_finite(net, samples):
    dead = passes.fold_norms(net)
    conv = dead.features.blocks[0].layers[0].conv2
    conv.weight.data[3] = 0
    with torch.inference_mode():
        expected = dead(samples)
    assert_same_logits(passes.rewrite(dead, samples), samples, expected)


def test_equalizing_before_the_norms_are_convolutions_is_refused(net, samples):
    with pytest.raises(ConversionError, match="comes after norms_to_depthwise"):
        passes.equalize_channels(net, samples)


def test_the_names_are_those_of_the_passes():
    assert all(callable(getattr(passes, name)) for name in passes.PASS_NAMES)
    assert [p.__name__ for p in passes.REWRITES] == list(passes.PASS_NAMES[:-1])
