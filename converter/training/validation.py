"""How well a network in training does on images it does not learn from."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from converter.data.dataset import LABELS, FaceDataset
from converter.training.augment import scaled
from converter.training.biases import Floats
from converter.training.model import DenseNet121
from converter.training.recipe import Recipe
from converter.training.targets import log_prior, loss, targets
from converter.training.trainer import autocast

BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """`loss` as in training, of whole images; accuracy and recalls by FER2013's labels, 0..1.

    `recall` has one value per label, None where no image has it. `logits` are float32 (N, 7).
    """

    loss: float
    accuracy: float
    recall: tuple[float | None, ...]
    logits: Floats


class Validation:
    """The images to select by, whole and at full size whatever size is trained at."""

    def __init__(self, faces: FaceDataset, recipe: Recipe, device: torch.device) -> None:
        self._images = scaled(torch.from_numpy(faces.images)[:, None])
        self._targets = targets(faces)
        self._prior = log_prior(faces).to(device)
        self._recipe = recipe
        self._device = device

    @torch.inference_mode()
    def __call__(self, net: DenseNet121) -> Score:
        """Measure `net`, which is in eval mode on this device."""
        total = torch.zeros(())
        answers = []
        for chosen in torch.split(torch.arange(len(self._images)), BATCH):
            images = self._images[chosen].to(self._device)
            with autocast(self._device, self._recipe):
                logits = net(images.contiguous(memory_format=torch.channels_last))
            wanted = self._targets.take(chosen).to(self._device)
            total += loss(logits, wanted, self._prior, self._recipe).cpu() * len(chosen)
            answers.append(logits[0].float().cpu())
        by_label = torch.cat(answers)
        correct = by_label.argmax(1) == self._targets.labels
        return Score(
            loss=float(total) / len(correct),
            accuracy=float(correct.float().mean()),
            recall=tuple(self._recall(correct, label) for label in range(len(LABELS))),
            logits=by_label.numpy(),
        )

    def _recall(self, correct: torch.Tensor, label: int) -> float | None:
        own = correct[self._targets.labels == label]
        return float(own.float().mean()) if len(own) else None
