"""Rewrites of the network that keep its answers and make its int8 version exact and fast.

Each pass is a pure function from one FerNet in eval mode to another whose logits are the same up
to rounding. DenseNet resists int8 for two reasons. Its first norms follow a concat, where there
is no convolution to fold into. And the channels of a concat, whose ranges differ by orders of
magnitude, share one scale, which changes from concat to concat, so that every layer rounds all
the channels again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from converter.errors import ConversionError
from converter.training.model import LAST_SIDE_PX, STEM_CHANNELS, DenseBlock, FerNet

Pass = Callable[[FerNet], FerNet]


def fold_norms(net: FerNet) -> FerNet:
    """Fold each norm that follows a convolution into it: the stem's and each layer's second."""
    net = copy.deepcopy(net)
    stem = net.features
    if stem.stem == "deep":
        stem.conv00, stem.norm00 = _folded(stem.conv00, stem.norm00)
    stem.conv0, stem.norm0 = _folded(stem.conv0, stem.norm0)
    for block in stem.blocks:
        for layer in block.layers:
            layer.conv1, layer.norm2 = _folded(layer.conv1, layer.norm2)
    return net


def norms_to_depthwise(net: FerNet) -> FerNet:
    """Write each remaining norm as a depthwise 1x1 convolution with bias.

    The ReLU behind it then fuses, where the norm alone becomes SUB, MUL, MUL, ADD.
    """
    net = copy.deepcopy(net)
    for path, module in list(net.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            conv = nn.Conv2d(
                module.num_features, module.num_features, 1, groups=module.num_features, bias=False
            )
            nn.init.ones_(conv.weight)
            net.set_submodule(path, fuse_conv_bn_eval(conv.eval(), module))
    return net


def pools_before_convolutions(net: FerNet) -> FerNet:
    """Swap each transition's 1x1 convolution and average pool.

    One mixes channels, the other places, both linearly; a quarter of the products remains.
    """
    net = copy.deepcopy(net)
    for transition in net.features.transitions:
        conv = transition.conv
        del transition.conv
        transition.conv = conv
    return net


def pools_to_depthwise(net: FerNet) -> FerNet:
    """Write each 2x2 average pool as a depthwise convolution, which XNNPACK takes in int8.

    To be applied after `pools_before_convolutions`.
    """
    net = copy.deepcopy(net)
    for transition in net.features.transitions:
        channels = transition.conv.in_channels
        pool = nn.Conv2d(channels, channels, 2, stride=2, groups=channels, bias=False)
        nn.init.constant_(pool.weight, 1 / 4)
        transition.pool = pool
    return net


def head_to_convolution(net: FerNet) -> FerNet:
    """Write global mean and classifier as one convolution as large as the last feature map."""
    net = copy.deepcopy(net)
    (linear,) = (module for module in net.head.modules() if isinstance(module, nn.Linear))
    conv = nn.Conv2d(linear.in_features, linear.out_features, LAST_SIDE_PX)
    spread = linear.weight[:, :, None, None] / LAST_SIDE_PX**2
    conv.weight = nn.Parameter(spread.expand_as(conv.weight).contiguous())
    conv.bias = linear.bias
    net.head = nn.Sequential(nn.ReLU(), conv, nn.Flatten())
    return net


def equalize_channels(net: FerNet, samples: Tensor) -> FerNet:
    """Move and scale each channel of the concats so that on `samples` it fills 0..1.

    `samples` float32 (N, 1, 48, 48). To be applied after `fold_norms` and `norms_to_depthwise`:
    the convolution that makes a channel and the depthwise ones that read it undo each other, so
    that a whole block can share one int8 scale and its concats round nothing.
    """
    net = copy.deepcopy(net)
    for stream, (low, high) in zip(_streams(net), _channel_ranges(net, samples), strict=True):
        _equalize(stream, low, high)
    return net


REWRITES: tuple[Pass, ...] = (
    fold_norms,
    norms_to_depthwise,
    pools_before_convolutions,
    pools_to_depthwise,
    head_to_convolution,
)
"""The passes that need no samples, in the order in which they apply."""

PASS_NAMES = (
    "fold_norms",
    "norms_to_depthwise",
    "pools_before_convolutions",
    "pools_to_depthwise",
    "head_to_convolution",
    "equalize_channels",
)


def rewrite(net: FerNet, samples: Tensor) -> FerNet:
    """Return `net` after every pass, its channels equalized on `samples` (N, 1, 48, 48)."""
    for apply in REWRITES:
        net = apply(net)
    return equalize_channels(net, samples)


def _folded(conv: nn.Conv2d, norm: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    if not isinstance(norm, nn.BatchNorm2d):
        return conv, norm
    return fuse_conv_bn_eval(conv, norm), nn.Identity()


class _Stream(NamedTuple):
    """The channels of one block's concats."""

    makers: list[nn.Conv2d]
    """Each makes the channels that follow those of the one before."""

    readers: list[nn.Conv2d]
    """Depthwise; each reads as many of the channels as it has, from the first."""


def _streams(net: FerNet) -> list[_Stream]:
    features = net.features
    first_makers = [features.conv0, *(transition.conv for transition in features.transitions)]
    last_readers = [*(transition.norm for transition in features.transitions), features.norm5]
    return [
        _Stream(
            makers=[first, *(layer.conv2 for layer in block.layers)],
            readers=_convolutions([*(layer.norm1 for layer in block.layers), last]),
        )
        for first, block, last in zip(first_makers, features.blocks, last_readers, strict=True)
    ]


def _convolutions(modules: list[nn.Module]) -> list[nn.Conv2d]:
    convolutions = [module for module in modules if isinstance(module, nn.Conv2d)]
    if len(convolutions) < len(modules):
        raise ConversionError("equalize_channels comes after norms_to_depthwise")
    return convolutions


@torch.no_grad()
def _channel_ranges(net: FerNet, samples: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return the least and greatest value, (C,) each, of the channels that leave each block."""
    ranges: list[tuple[Tensor, Tensor]] = []
    x = samples
    for part in net.features:
        x = part(x)
        if isinstance(part, DenseBlock):
            ranges.append((x.amin((0, 2, 3)), x.amax((0, 2, 3))))
    # Between the stem and its readers lies a ReLU: those channels may be scaled, not moved.
    ranges[0][0][:STEM_CHANNELS] = 0
    return ranges


def _equalize(stream: _Stream, low: Tensor, high: Tensor) -> None:
    span = torch.where(high > low, high - low, 1.0)  # a constant channel keeps its scale
    begin = 0
    for conv in stream.makers:
        made = slice(begin, begin + conv.out_channels)
        _set(conv, conv.weight / _per_output(span[made]), (_bias(conv) - low[made]) / span[made])
        begin = made.stop
    for conv in stream.readers:
        read = slice(conv.in_channels)
        _set(
            conv,
            conv.weight * _per_output(span[read]),
            _bias(conv) + conv.weight.flatten() * low[read],
        )


def _bias(conv: nn.Conv2d) -> Tensor:
    return torch.zeros(conv.out_channels) if conv.bias is None else conv.bias


def _per_output(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _set(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    conv.weight, conv.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
