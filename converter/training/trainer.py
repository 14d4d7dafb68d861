"""The training loop, in steps that can be interrupted between any two.

Everything random in a step (the order of the samples, their distortions, the dropout) is drawn
from the recipe's seed and the number of the step or epoch. There is no generator to save, and a
resumed run repeats what an uninterrupted one would have done. A run with a budget of time does not:
its learning rate follows the clock.
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
from converter.training.augment import blended, distorted, patched, samples_of, spoiled
from converter.training.budget import Budget
from converter.training.distillation import Logits, Teachers, distillation_loss
from converter.training.model import DenseNet121
from converter.training.recipe import Recipe, Stage
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
    """Trains a DenseNet121 and keeps the exponential moving average of its weights.

    The samples stay on the device. With `teachers` their answers to the clear images are learned,
    too; with a `budget` the recipe's epochs stand for shares of its time.
    """

    def __init__(
        self,
        net: DenseNet121,
        faces: FaceDataset,
        recipe: Recipe,
        device: torch.device,
        *,
        teachers: Teachers | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Raise DataError when `faces` (training samples) do not fill one batch."""
        if len(faces) < recipe.batch:
            raise DataError(f"{len(faces)} training samples do not fill a batch of {recipe.batch}")
        self.recipe = recipe
        self.progress = Progress()
        self.device = device
        self._net = net.to(device)
        self._net.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # stubs lag
        self._net.dropout = recipe.dropout
        self.average = copy.deepcopy(self._net).eval()
        self._optimizer = _optimizer(self._net, recipe)
        self._teachers = teachers or None
        self.budget = budget
        self._pixels = torch.from_numpy(faces.images)[:, None].to(device)
        self._targets = targets(faces).to(device)
        self._prior = log_prior(faces).to(device)
        self.steps_per_epoch = len(faces) // recipe.batch

    def compile(self) -> None:
        """Have torch compile the network at its first step; on a GPU it replays CUDA graphs."""
        self._net.compile(mode="reduce-overhead", dynamic=False)

    def epoch(self) -> Iterator[Progress]:
        """Do the rest of the current epoch, a step each time it is asked for the next value.

        Each value is the progress so far, which is also what `state` would save. The epoch ends
        early when the budget is spent. Raises ConversionError when the loss is no longer a number.
        """
        order = self._order().to(self.device)
        self._net.train()
        while self.progress.step_of_epoch < self.steps_per_epoch:
            begin = self.progress.step_of_epoch * self.recipe.batch
            self._step(order[begin : begin + self.recipe.batch])
            yield self.progress
            if self.budget and self.budget.is_spent:
                return

    @property
    def is_done(self) -> bool:
        """Whether the epoch before was the last one; however short the time, there is one."""
        done = self.progress
        if self.budget:
            return self.budget.is_spent and done.epoch > 0 and not done.step_of_epoch
        return done.epoch >= self.recipe.epochs

    @property
    def share_done(self) -> float:
        """The share of the training that is done, 0..1."""
        if self.budget:
            return self.budget.share
        return self.progress.step / (self.recipe.epochs * self.steps_per_epoch)

    def finish_epoch(self) -> Tally:
        """Begin the next epoch; return the sums over the one that is done."""
        done = self.progress
        self.progress = Progress(epoch=done.epoch + 1, step=done.step)
        return done.tally

    @property
    def stage(self) -> Stage:
        """The stage of the next step."""
        return self._place()[0]

    def learning_rate(self) -> float:
        """Return the rate of the next step."""
        stage, share = self._place()
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

    def _place(self) -> tuple[Stage, float]:
        """Return the stage of the next step, and the share of it that is done."""
        if self.budget:
            return self.recipe.at(self.budget.share)
        stage, epochs_before = self.recipe.stage_of(self.progress.epoch)
        done = epochs_before + self.progress.step_of_epoch / self.steps_per_epoch
        return stage, done / stage.epochs

    def _order(self) -> Tensor:
        generator = torch.Generator().manual_seed(
            _seed(self.recipe.seed, "epoch", self.progress.epoch)
        )
        return torch.randperm(len(self._pixels), generator=generator)

    def _step(self, chosen: Tensor) -> None:
        torch.manual_seed(_seed(self.recipe.seed, "step", self.progress.step))
        clear = distorted(self._pixels[chosen], self.recipe.augmentation)
        samples = spoiled(clear, self.stage.side_px, self.recipe.augmentation)
        samples, others, share = self._mixed(samples)
        answers = self._taught(clear)
        with autocast(self.device, self.recipe):
            logits = self._net(_channels_last(samples))
        cost = self._cost(logits, chosen, answers)
        if share < 1:
            others = others.to(self.device)
            theirs = answers and (answers[0][others], answers[1][others])
            cost = cost.lerp(self._cost(logits, chosen[others], theirs), 1 - share)
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
        self._count(cost, logits[0].argmax(1) == self._targets.labels[chosen])

    def _taught(self, clear: Tensor) -> Logits | None:
        """Return the teachers' answers to the clear images, if there are teachers.

        What they see is neither spoiled nor mixed: a bad image is learned as the clear one reads.
        """
        if self._teachers is None:
            return None
        with autocast(self.device, self.recipe):
            return self._teachers(_channels_last(samples_of(clear, self.stage.side_px)))

    def _cost(self, logits: Logits, chosen: Tensor, answers: Logits | None) -> Tensor:
        """Return the loss of logits that are to be those of the `chosen` samples."""
        cost = loss(logits, self._targets.take(chosen), self._prior, self.recipe)
        if answers is None:
            return cost
        return cost.lerp(distillation_loss(logits, answers), self.recipe.distillation)

    def _mixed(self, samples: Tensor) -> tuple[Tensor, Tensor, float]:
        """Return samples with some of others in them, these others, and the share of their own."""
        if self.recipe.cutmix and float(torch.rand(())) < self.recipe.cutmix:
            return patched(samples)
        return blended(samples, self.recipe.mixup)

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


def _channels_last(samples: Tensor) -> Tensor:
    return samples.contiguous(memory_format=torch.channels_last)


def _optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW that lets norms and biases, the parameters of one axis, decay not at all."""
    matrices = [weight for weight in net.parameters() if weight.ndim > 1]
    vectors = [weight for weight in net.parameters() if weight.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.stages[0].learning_rate)
