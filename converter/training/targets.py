"""The training targets: FER2013's labels and, where available, FER+'s votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from converter.data.dataset import LABELS, FaceDataset
from converter.training.recipe import Recipe

VOTED_LABELS = 8
"""The first of FER+'s columns are expressions; unknown and not-a-face follow."""

NOT_A_FACE = 9
FEWEST_VOTES = 5
"""Of ten: with fewer for all expressions, or this many for "not a face", votes are not used."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """`labels` int64 (N,); `votes` float32 (N, 8), each row's sum 1, or 0 where not used."""

    labels: Tensor
    votes: Tensor

    def take(self, chosen: Tensor) -> Targets:
        """Return the rows of these indices (M,)."""
        return Targets(self.labels[chosen], self.votes[chosen])

    def to(self, device: torch.device) -> Targets:
        """Return the same on another device."""
        return Targets(self.labels.to(device), self.votes.to(device))


def targets(faces: FaceDataset) -> Targets:
    """Return the targets of `faces`."""
    votes = faces.votes[:, :VOTED_LABELS].astype(np.float32)
    total = votes.sum(axis=1)
    valid = (total >= FEWEST_VOTES) & (faces.votes[:, NOT_A_FACE] < FEWEST_VOTES)
    shares = np.where(valid[:, None], votes / np.maximum(total, 1)[:, None], 0)
    return Targets(
        torch.from_numpy(faces.labels.astype(np.int64)), torch.from_numpy(shares.astype(np.float32))
    )


def log_prior(faces: FaceDataset) -> Tensor:
    """Return the logarithm of each label's share of `faces`, float32 (7,); at least one of each.

    An absent label counts as one sample, so that its logarithm stays finite.
    """
    counts = np.bincount(faces.labels, minlength=len(LABELS)).clip(min=1)
    return torch.from_numpy(np.log(counts / counts.sum()).astype(np.float32))


def loss(logits: tuple[Tensor, Tensor], wanted: Targets, prior: Tensor, recipe: Recipe) -> Tensor:
    """Return the mean loss of a batch: smoothed cross-entropy to the labels and to the votes.

    `logits` are the logits of both heads, (N, 7) and (N, 8); `prior` is `log_prior`. Adding a
    share of it while training makes the network itself answer as if the labels were less uneven
    (logit adjustment: Menon et al., "Long-tail learning via logit adjustment", 2021).
    """
    by_label, by_vote = (head.float() for head in logits)
    labelled = functional.cross_entropy(
        by_label + recipe.balance * prior, wanted.labels, label_smoothing=recipe.label_smoothing
    )
    voted = -(wanted.votes * by_vote.log_softmax(1)).sum(1).mean()
    return labelled + recipe.votes_weight * voted
