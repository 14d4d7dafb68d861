"""Learning from trained networks: their answers to the same samples are a second target.

Hinton et al., "Distilling the Knowledge in a Neural Network" (2015); with teachers of the same
shape: Furlanello et al., "Born-Again Neural Networks" (2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from converter.errors import CheckpointError
from converter.manifest import sha256
from converter.training.checkpoint import load_checkpoint
from converter.training.model import DenseNet121

TEMPERATURE = 2.0
Logits = tuple[Tensor, Tensor]


class Teachers:
    """Networks whose mean answer is learned, by both heads."""

    def __init__(self, nets: Sequence[DenseNet121], device: torch.device) -> None:
        self._nets = [net.to(device).eval() for net in nets]

    def __len__(self) -> int:
        return len(self._nets)

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> Logits:
        """Return the logarithm of the mean softened probabilities, (N, 7) and (N, 8)."""
        answers = [net(samples) for net in self._nets]
        by_label, by_vote = (
            torch.stack([(logits.float() / TEMPERATURE).softmax(1) for logits in head])
            .mean(0)
            .log()
            for head in zip(*answers, strict=True)
        )
        return by_label, by_vote


def distillation_loss(logits: Logits, wanted: Logits) -> Tensor:
    """Return the mean divergence from the teachers' answers, over both heads.

    Multiplied by the square of the temperature, so that its gradient is as large as the labels'.
    """
    losses = [
        functional.kl_div(
            (mine.float() / TEMPERATURE).log_softmax(1),
            theirs,
            reduction="batchmean",
            log_target=True,
        )
        for mine, theirs in zip(logits, wanted, strict=True)
    ]
    return torch.stack(losses).sum() * TEMPERATURE**2


def load_teachers(paths: Sequence[Path], device: torch.device) -> tuple[Teachers, list[str]]:
    """Return the networks at `paths` and the digests of their files.

    Raises CheckpointError when one is missing, damaged or of another architecture.
    """
    nets = [load_checkpoint(path) for path in paths]
    return Teachers(nets, device), [sha256(path.read_bytes()) for path in paths]


def check_same(paths: Sequence[Path], digests: Sequence[str], expected: Sequence[str]) -> None:
    """Raise CheckpointError unless the teachers are those that a run was begun with."""
    if sorted(digests) != sorted(expected):
        names = ", ".join(map(str, paths))
        raise CheckpointError(f"{names}: not the teachers that this run was begun with")
