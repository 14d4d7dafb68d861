"""How accuracy holds up in bad images: one or two models under every corruption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.data.faces import FaceDataset
from converter.evaluation.classifiers import Classifier
from converter.evaluation.corruptions import CORRUPTIONS, STRENGTHS, Corruption, corrupted
from converter.evaluation.metrics import accuracy
from converter.progress import titled

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderCorruption:
    """Accuracy, 0..1, of each model at each of `amounts`, the weakest first."""

    unit: str
    amounts: tuple[float, ...]
    accuracy: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """Over `samples`: accuracies, 0..1, of each model as they are and under each corruption.

    `mean` is over all corruptions and strengths alike.
    """

    samples: int
    seed: int
    uncorrupted: tuple[float, ...]
    mean: tuple[float, ...]
    corruptions: dict[str, UnderCorruption]

    def shares(self) -> Shares:
        """Return the accuracies (models, corruptions, strengths)."""
        return np.array([one.accuracy for one in self.corruptions.values()]).swapaxes(0, 1)


def robustness(
    models: Sequence[Classifier],
    faces: FaceDataset,
    seed: int,
    corruptions: Sequence[Corruption] = CORRUPTIONS,
) -> Robustness:
    """Return the accuracies of `models` on the same corrupted images of `faces`."""
    with titled("As they are"):
        uncorrupted = _accuracies(models, faces, faces.images)
    found = {one.name: _under(models, faces, one, seed) for one in corruptions}
    shares = np.array([one.accuracy for one in found.values()])
    return Robustness(
        samples=len(faces),
        seed=seed,
        uncorrupted=uncorrupted,
        mean=tuple(float(share) for share in shares.mean(axis=(0, 2)).round(5)),
        corruptions=found,
    )


def _under(
    models: Sequence[Classifier], faces: FaceDataset, corruption: Corruption, seed: int
) -> UnderCorruption:
    by_strength = []
    for strength, amount in enumerate(corruption.amounts):
        images = corrupted(faces.images, corruption, strength, seed)
        with titled(f"{corruption.name} {amount:g}"):
            by_strength.append(_accuracies(models, faces, images))
    return UnderCorruption(
        unit=corruption.unit,
        amounts=corruption.amounts,
        accuracy=tuple(zip(*by_strength, strict=True)),
    )


def _accuracies(
    models: Sequence[Classifier], faces: FaceDataset, images: npt.NDArray[np.uint8]
) -> tuple[float, ...]:
    return tuple(
        round(accuracy(model.probabilities(images).argmax(axis=1), faces.labels), 5)
        for model in models
    )


def robustness_text(names: Sequence[str], result: Robustness) -> str:
    """Return the accuracies, in percent, as a table: a row for each corruption and model."""
    lines = [f"{result.samples} samples, seed {result.seed}"]
    for name, alone, mean in zip(names, result.uncorrupted, result.mean, strict=True):
        lines.append(f"{name}: {alone:.2%} as they are, {mean:.2%} mean of all corruptions")
    for index, name in enumerate(names):
        lines += ["", name] + [
            f"{corruption:13}"
            + "".join(f"{share:8.1%}" for share in under.accuracy[index])
            + "   "
            + ", ".join(f"{amount:g}" for amount in under.amounts)
            + f" {under.unit}"
            for corruption, under in result.corruptions.items()
        ]
    if len(names) == 2:
        lines += ["", _verdict(names, result)]
    return "\n".join(lines) + "\n"


def _verdict(names: Sequence[str], result: Robustness) -> str:
    first, second = result.shares()
    gaps = first - second
    corruption, strength = np.unravel_index(gaps.argmin(), gaps.shape)
    return (
        f"{names[0]} is better in {int((gaps > 0).sum())} of {gaps.size}; the least lead is "
        f"{gaps.min() * 100:+.1f} points ({list(result.corruptions)[corruption]}, strength "
        f"{strength + 1} of {STRENGTHS})"
    )
