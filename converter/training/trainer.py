"""The training loop, in steps that can be interrupted between any two.

Everything random in a step (the order of the samples, their distortions, the dropout) is drawn
from the recipe's seed and the number of the step or epoch. There is no generator to save, and a
resumed run repeats what an uninterrupted one would have done.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from converter.data.dataset import FaceDataset
from converter.errors import ConversionError, DataError
from converter.training.augment import augmented, blended
from converter.training.model import DenseNet121
from converter.training.recipe import Recipe
from converter.training.targets import log_prior, loss, targets

DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


@dataclass(slots=True)
class Tally:
    """Sums over the steps of one epoch."""

    loss: float = 0.0
    correct: int = 0
    samples: int = 0


@dataclass(slots=True)
class Progress:
    """The progress of a run; `epoch` and `step` (of all epochs) are the next ones."""

    epoch: int = 0
    step: int = 0
    step_of_epoch: int = 0
    tally: Tally = field(default_factory=Tally)


def autocast(device: torch.device, recipe: Recipe) -> torch.autocast:
    """Return the context in which the network's products have the recipe's precision."""
    dtype = DTYPES[recipe.precision]
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


class Trainer:
    """Trains a DenseNet121 and keeps the exponential moving average of its weights."""

    def __init__(
        self, net: DenseNet121, faces: FaceDataset, recipe: Recipe, device: torch.device
    ) -> None:
        """Raise DataError when `faces` (training samples) do not fill one batch."""
        if len(faces) < recipe.batch:
            raise DataError(f"{len(faces)} training samples do not fill a batch of {recipe.batch}")
        self.recipe = recipe
        self.progress = Progress()
        self._device = device
        self._net = _channels_last(net.to(device))
        self._net.dropout = recipe.dropout
        self.average = copy.deepcopy(self._net).eval()
        self._optimizer = _optimizer(self._net, recipe)
        self._pixels = torch.from_numpy(faces.images)[:, None]
        self._targets = targets(faces)
        self._prior = log_prior(faces).to(device)
        self.steps_per_epoch = len(faces) // recipe.batch

    def epoch(self) -> Iterator[Progress]:
        """Do the rest of the current epoch, a step each time it is asked for the next value.

        Each value is the progress so far, which is also what `state` would save. Raises
        ConversionError when the loss is no longer a number.
        """
        order = self._order()
        self._net.train()
        while self.progress.step_of_epoch < self.steps_per_epoch:
            begin = self.progress.step_of_epoch * self.recipe.batch
            self._step(order[begin : begin + self.recipe.batch])
            yield self.progress

    def finish_epoch(self) -> Tally:
        """Begin the next epoch; return the sums over the one that is done."""
        done = self.progress
        self.progress = Progress(epoch=done.epoch + 1, step=done.step)
        return done.tally

    def learning_rate(self) -> float:
        """Return the rate of the next step."""
        stage, epochs_before = self.recipe.stage_of(self.progress.epoch)
        share = (epochs_before + self.progress.step_of_epoch / self.steps_per_epoch) / stage.epochs
        rate = stage.learning_rate + (stage.final_learning_rate - stage.learning_rate) * share
        warmup = self.recipe.warmup_steps
        return rate * min(1.0, (self.progress.step + 1) / warmup) if warmup else rate

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs, as tensors and plain values."""
        done = self.progress
        return {
            "net": self._net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "progress": asdict(done),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self._net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        progress = state["progress"]
        self.progress = Progress(**{**progress, "tally": Tally(**progress["tally"])})

    def _order(self) -> Tensor:
        generator = torch.Generator().manual_seed(
            _seed(self.recipe.seed, "epoch", self.progress.epoch)
        )
        return torch.randperm(len(self._pixels), generator=generator)

    def _step(self, chosen: Tensor) -> None:
        torch.manual_seed(_seed(self.recipe.seed, "step", self.progress.step))
        stage, _ = self.recipe.stage_of(self.progress.epoch)
        pixels = self._pixels[chosen].to(self._device)
        samples = augmented(pixels, stage.side_px, self.recipe.augmentation)
        samples, others, share = blended(samples, self.recipe.mixup)
        wanted = self._targets.take(chosen).to(self._device)
        with autocast(self._device, self.recipe):
            logits = self._net(samples.contiguous(memory_format=torch.channels_last))
        cost = loss(logits, wanted, self._prior, self.recipe)
        if share < 1:
            of_others = self._targets.take(chosen[others]).to(self._device)
            cost = cost.lerp(loss(logits, of_others, self._prior, self.recipe), 1 - share)
        if not torch.isfinite(cost):
            raise ConversionError(
                f"the loss is {cost.item()} in epoch {self.progress.epoch + 1}; "
                "a lower learning_rate or precision = 'float32' may help"
            )
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self._optimizer.zero_grad()
        cost.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        self._optimizer.step()
        self._follow()
        self._count(cost, logits[0].argmax(1) == wanted.labels)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights, faster while there are few steps behind it."""
        step = self.progress.step + 1
        decay = min(self.recipe.ema_decay, (1 + step) / (10 + step))
        weights = self._net.state_dict().values()
        for mean, value in zip(self.average.state_dict().values(), weights, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def _count(self, cost: Tensor, correct: Tensor) -> None:
        done = self.progress
        done.tally.loss += float(cost.detach()) * len(correct)
        done.tally.correct += int(correct.sum())
        done.tally.samples += len(correct)
        done.step += 1
        done.step_of_epoch += 1


def _seed(*parts: object) -> int:
    """Return a seed that differs wherever the parts do."""
    return random.Random(repr(parts)).getrandbits(63)  # noqa: S311 # for repeatability, not secrecy


def _channels_last(net: DenseNet121) -> DenseNet121:
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # stubs lag
    return net


def _optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW that lets norms and biases, the parameters of one axis, decay not at all."""
    matrices = [weight for weight in net.parameters() if weight.ndim > 1]
    vectors = [weight for weight in net.parameters() if weight.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.stages[0].learning_rate)
