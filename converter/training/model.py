"""DenseNet-121 for 48x48 grey faces, in torchvision's names.

Huang et al., "Densely Connected Convolutional Networks" (2017), with the 3x3 stem that small
images need: stride 2, no max-pool. The deep stem has a second convolution, at full size, before it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

GROWTH = 32
BOTTLENECK = 4 * GROWTH
STEM_CHANNELS = 64
DEEP_CHANNELS = 32
LAYERS = (6, 12, 24, 16)
IMAGE_SIDE_PX = 48
SMALLEST_SIDE_PX = 2 ** len(LAYERS)
"""Of which one pixel is left on the last feature map."""

LAST_SIDE_PX = IMAGE_SIDE_PX // 2 // 2 ** (len(LAYERS) - 1)
"""Side of the last feature map: the stem and each transition halve it."""


Stem = Literal["plain", "deep"]
"""One 3x3 convolution of stride 2, or one of stride 1 before it, for 2% more multiplications."""


class DenseLayer(nn.Module):
    """(N, C, H, W) -> (N, C + 32, H, W): the input with 32 new channels behind it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1: nn.Module = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, BOTTLENECK, 1, bias=False)
        self.norm2: nn.Module = nn.BatchNorm2d(BOTTLENECK)
        self.conv2 = nn.Conv2d(BOTTLENECK, GROWTH, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` (N, C, H, W) with the layer's own channels appended."""
        y = self.conv1(functional.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(functional.relu(self.norm2(y)))], 1)


class DenseBlock(nn.Sequential):
    """(N, C, H, W) -> (N, C + 32 * layers, H, W)."""

    def __init__(self, channels: int, layers: int) -> None:
        widths = (channels + GROWTH * i for i in range(layers))
        super().__init__(
            OrderedDict((f"denselayer{i}", DenseLayer(c)) for i, c in enumerate(widths, 1))
        )

    @property
    def layers(self) -> list[DenseLayer]:
        """In the order of the channels they append."""
        return [layer for layer in self if isinstance(layer, DenseLayer)]


class Transition(nn.Sequential):
    """(N, C, H, W) -> (N, C / 2, H / 2, W / 2)."""

    norm: nn.Module
    conv: nn.Conv2d
    pool: nn.Module

    def __init__(self, channels: int) -> None:
        super().__init__(
            OrderedDict[str, nn.Module](
                norm=nn.BatchNorm2d(channels),
                relu=nn.ReLU(),
                conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
                pool=nn.AvgPool2d(2),
            )
        )


class Features(nn.Sequential):
    """(N, 1, 48, 48) -> (N, 1024, 3, 3), before the last ReLU.

    `conv00` and `norm00` are those of the deep stem.
    """

    conv00: nn.Conv2d
    norm00: nn.Module
    conv0: nn.Conv2d
    norm0: nn.Module
    norm5: nn.Module

    def __init__(self, stem: Stem = "plain") -> None:
        channels = STEM_CHANNELS
        parts = OrderedDict[str, nn.Module]()
        if stem == "deep":
            parts["conv00"] = nn.Conv2d(1, DEEP_CHANNELS, 3, padding=1, bias=False)
            parts["norm00"] = nn.BatchNorm2d(DEEP_CHANNELS)
            parts["relu00"] = nn.ReLU()
        seen = DEEP_CHANNELS if stem == "deep" else 1
        parts["conv0"] = nn.Conv2d(seen, channels, 3, stride=2, padding=1, bias=False)
        parts["norm0"] = nn.BatchNorm2d(channels)
        parts["relu0"] = nn.ReLU()
        for number, layers in enumerate(LAYERS, 1):
            parts[f"denseblock{number}"] = DenseBlock(channels, layers)
            channels += GROWTH * layers
            if number < len(LAYERS):
                parts[f"transition{number}"] = Transition(channels)
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        super().__init__(parts)
        self.channels = channels

    @property
    def stem(self) -> Stem:
        """Which stem it has."""
        return stem_of(dict(self.named_children()))

    @property
    def blocks(self) -> list[DenseBlock]:
        """From the largest maps to the smallest."""
        return [part for part in self if isinstance(part, DenseBlock)]

    @property
    def transitions(self) -> list[Transition]:
        """Each leads from one block to the next."""
        return [part for part in self if isinstance(part, Transition)]


class DenseNet121(nn.Module):
    """The network as it is trained, with two heads.

    float32 (N, 1, 48, 48), `pixel / 127.5 - 1` -> logits of FER2013's labels (N, 7) and of
    FER+'s first eight (N, 8). `dropout` (0..1) works before the heads, in training only.
    """

    def __init__(self, dropout: float = 0.0, stem: Stem = "plain") -> None:
        super().__init__()
        self.dropout = dropout
        self.features = Features(stem)
        self.classifier = nn.Linear(self.features.channels, 7)
        self.ferplus = nn.Linear(self.features.channels, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of both heads for images (N, 1, 48, 48)."""
        pooled = functional.relu(self.features(x)).mean((2, 3))
        pooled = functional.dropout(pooled, self.dropout, self.training)
        return self.classifier(pooled), self.ferplus(pooled)


class FerNet(nn.Module):
    """What is converted: the features and the FER2013 head alone.

    float32 (N, 1, 48, 48) -> logits (N, 7).
    """

    head: nn.Module

    def __init__(self, features: Features, classifier: nn.Linear) -> None:
        super().__init__()
        self.features = features
        self.head = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), classifier)

    def forward(self, x: Tensor) -> Tensor:
        """Return the FER2013 logits (N, 7) of images (N, 1, 48, 48)."""
        logits: Tensor = self.head(self.features(x))
        return logits


def fer_net(net: DenseNet121) -> FerNet:
    """Return the part of `net` that answers in FER2013's labels, sharing its weights."""
    return FerNet(net.features, net.classifier).eval()


def stem_of(names: Container[str]) -> Stem:
    """Return the stem of a network with weights, or parts of its features, of these names."""
    return "deep" if "conv00" in names or "features.conv00.weight" in names else "plain"


def with_stem(net: DenseNet121, stem: Stem) -> DenseNet121:
    """Return `net`, or a network of another stem with all of its weights that fit.

    The convolutions of the new stem begin at random.
    """
    if net.features.stem == stem:
        return net
    other = DenseNet121(net.dropout, stem)
    own = other.state_dict()
    fitting = {
        name: weight
        for name, weight in net.state_dict().items()
        if name in own and own[name].shape == weight.shape
    }
    other.load_state_dict(fitting, strict=False)
    return other
