"""A training run on the disk: its recipe, weights, log, curves, and the state to resume from.

Files are replaced whole, the state last. A kill between any two leaves the run at its last state,
and the steps since are done again, with the same results.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from converter.data.dataset import FaceDataset
from converter.errors import CheckpointError, OutputError, UsageError
from converter.output import sweep, write_together
from converter.training.checkpoint import checkpoint_bytes
from converter.training.curves import curves_png
from converter.training.model import DenseNet121
from converter.training.recipe import Recipe, load_recipe

FORMAT = 1
EpochLog = dict[str, Any]
"""One line of the log: see `converter.training.train`."""


@dataclass(slots=True)
class RunState:
    """The state of an unfinished run; `trainer` is `Trainer.state`'s.

    `near_copies` says that they were not dropped: a run of an earlier version keeps its samples.
    `votes` is the path of FER+'s votes and `label_map` the option of this name, so that a resumed
    run reads the same samples without them. `teachers` are digests of files by their paths.
    `minutes` and `spent_s` are those of a budget of time.
    """

    trainer: dict[str, Any]
    faces: str
    limit: int | None = None
    votes: str | None = None
    label_map: dict[str, str] | None = None
    near_copies: bool = True
    teachers: dict[str, str] = field(default_factory=dict)
    minutes: float | None = None
    spent_s: float = 0.0
    history: list[EpochLog] = field(default_factory=list)


class RunFolder:
    """The files of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recipe = folder / "recipe.toml"
        self.weights = folder / "densenet121_fer48.safetensors"
        self.log = folder / "log.jsonl"
        self.curves = folder / "curves.png"
        self._state = folder / "state.pt"

    def check_unused(self) -> None:
        """Raise UsageError when a run is in the folder already."""
        if self._state.exists():
            raise UsageError(f"{self.folder} holds a run; pass --resume to continue it")

    def begin(self, recipe: Recipe, state: RunState) -> None:
        """Make the folder with the recipe and the first state in it. Raises OutputError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise OutputError(f"{self.folder}: cannot make the folder: {exc.strerror}") from exc
        write_together({self.recipe: recipe.to_toml(), self._state: _packed(state)})

    def resume(self) -> tuple[Recipe, RunState]:
        """Return the recipe, which may have been edited, and the last state.

        Raises UsageError without a run, CheckpointError when the state is damaged.
        """
        if not self._state.exists():
            raise UsageError(f"{self.folder} holds no run to resume")
        sweep((self.recipe, self.weights, self.log, self.curves, self._state))
        return load_recipe(self.recipe), self._load()

    def save(self, state: RunState) -> None:
        """Write the state only, in the middle of an epoch."""
        write_together({self._state: _packed(state)})

    def save_epoch(self, state: RunState, best: DenseNet121 | None) -> None:
        """Write everything after an epoch; `best` are its weights if no earlier were better."""
        log = "".join(json.dumps(line) + "\n" for line in state.history)
        files = {self.log: log.encode(), self.curves: curves_png(state.history)}
        if best is not None:
            files[self.weights] = checkpoint_bytes(best)
        write_together({**files, self._state: _packed(state)})

    def _load(self) -> RunState:
        try:
            saved = torch.load(self._state, map_location="cpu", weights_only=True)
            if saved.pop("format") != FORMAT:
                raise CheckpointError(f"{self._state}: from another version of this program")
            return RunState(**saved)
        except OSError as exc:
            raise CheckpointError(f"{self._state}: cannot read: {exc.strerror}") from exc
        except (RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.PickleError) as exc:
            if isinstance(exc, CheckpointError):
                raise
            raise CheckpointError(f"{self._state}: not the state of a run") from exc


def fingerprint(faces: FaceDataset) -> str:
    """Return a digest of samples, labels and votes: the same for the same training."""
    digest = hashlib.sha256()
    for array in (faces.images, faces.labels, faces.votes):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _packed(state: RunState) -> bytes:
    buffer = io.BytesIO()
    fields = {name: getattr(state, name) for name in RunState.__slots__}
    torch.save({"format": FORMAT, **fields}, buffer)
    return buffer.getvalue()
