"""How a network is trained: a TOML file, checked whole before anything is read or written."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from converter.errors import UsageError
from converter.training.model import SMALLEST_SIDE_PX, Stem

LARGEST = 1e6
"""Of any number: infinity is none."""

Count = Annotated[int, msgspec.Meta(ge=1)]
Positive = Annotated[float, msgspec.Meta(gt=0.0, le=LARGEST)]
AtLeastZero = Annotated[float, msgspec.Meta(ge=0.0, le=LARGEST)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
BelowOne = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
Side = Annotated[int, msgspec.Meta(ge=SMALLEST_SIDE_PX, le=48)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: unknown keys are refused."""


class Augmentation(Section, frozen=True):
    """The strength of the augmentation; recipe.toml states the units."""

    rotation_deg: AtLeastZero
    scale: AtLeastZero
    aspect: AtLeastZero
    shear: AtLeastZero
    shift: BelowOne
    brightness: AtLeastZero
    contrast: AtLeastZero
    gamma: AtLeastZero
    backlight: Share
    low_resolution: Share
    blur: Share
    noise: AtLeastZero
    erase: Share


class Stage(Section, frozen=True):
    """Epochs at one sample size, the learning rate going from one value to another."""

    epochs: Count
    side_px: Side
    learning_rate: Positive
    final_learning_rate: AtLeastZero


class Recipe(Section, frozen=True):
    """Everything that, with the samples and the first weights, decides the result."""

    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
    stem: Stem
    batch: Annotated[int, msgspec.Meta(ge=2)]  # a norm needs two to differ
    weight_decay: AtLeastZero
    warmup_steps: Annotated[int, msgspec.Meta(ge=0)]
    dropout: BelowOne
    label_smoothing: BelowOne
    mixup: AtLeastZero
    cutmix: Share
    distillation: Share
    ema_decay: BelowOne
    votes_weight: AtLeastZero
    balance: AtLeastZero
    fit_biases: bool
    precision: Literal["bfloat16", "float32"]
    checkpoint_steps: Count
    augmentation: Augmentation
    stages: Annotated[list[Stage], msgspec.Meta(min_length=1)]

    @property
    def epochs(self) -> int:
        """Of all stages."""
        return sum(stage.epochs for stage in self.stages)

    def only(self, epochs: int) -> Recipe:
        """Return the recipe with its last stage only, of this many epochs."""
        last = msgspec.structs.replace(self.stages[-1], epochs=epochs)
        return msgspec.structs.replace(self, stages=[last])

    def stage_of(self, epoch: int) -> tuple[Stage, int]:
        """Return the stage that epoch 0.. belongs to, and how many of its epochs are before."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage, epoch
            epoch -= stage.epochs
        raise IndexError("the recipe has no such epoch")

    def at(self, share: float) -> tuple[Stage, float]:
        """Return the stage after this share, 0..1, of all epochs, and the share of it."""
        epochs = share * self.epochs
        whole = min(int(epochs), self.epochs - 1)
        stage, epochs_before = self.stage_of(whole)
        return stage, (epochs_before + epochs - whole) / stage.epochs

    def to_toml(self) -> bytes:
        """Return the file that reads back as this recipe."""
        return msgspec.toml.encode(self)


def default_recipe() -> Recipe:
    """Return the recipe of recipe.toml."""
    return msgspec.convert(_defaults(), Recipe)


def load_recipe(path: Path) -> Recipe:
    """Return the defaults, changed by the file at `path`.

    Raises UsageError when the file is missing or says something unknown or impossible.
    """
    try:
        own = tomllib.loads(path.read_text("utf-8"))
        merged = _merged(_defaults(), own)
        return msgspec.convert(merged, Recipe)
    except OSError as exc:
        raise UsageError(f"{path}: cannot read the recipe: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as exc:
        raise UsageError(f"{path}: not a training recipe: {exc}") from exc


def _defaults() -> dict[str, Any]:
    return tomllib.loads(
        resources.files("converter.training").joinpath("recipe.toml").read_text("utf-8")
    )


def _merged(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = defaults | own
    if isinstance(own.get("augmentation"), dict):
        merged["augmentation"] = defaults["augmentation"] | own["augmentation"]
    return merged
