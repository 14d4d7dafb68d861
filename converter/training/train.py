"""`emotion-converter train`: a DenseNet121 learns expressions from labelled faces."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from converter import arguments
from converter.data.dataset import FaceDataset, Split, load_dataset
from converter.data.label_map import add_label_map
from converter.data.near_copies import without_near_copies
from converter.errors import DataError, UsageError
from converter.training.biases import fit_biases, with_biases
from converter.training.budget import Budget
from converter.training.checkpoint import load_checkpoint
from converter.training.distillation import check_same, load_teachers
from converter.training.model import DenseNet121, stem_of, with_stem
from converter.training.recipe import default_recipe, load_recipe
from converter.training.run_folder import EpochLog, RunFolder, RunState, fingerprint
from converter.training.trainer import Trainer
from converter.training.validation import Score, Validation

FIXED_AT_THE_START = ("recipe", "init", "epochs", "minutes", "limit", "keep_near_copies")
MOST_MINUTES = 60 * 24 * 60  # 60 days


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `train` command."""
    parser = subparsers.add_parser(
        "train",
        help="train a DenseNet121 on labelled faces",
        epilog="The epoch that does best on PublicTest is kept. PrivateTest is not measured.",
    )
    parser.add_argument("--data", type=Path, required=True, help="FER2013: .csv, .npz or a folder")
    parser.add_argument("--votes", type=Path, metavar="CSV", help="FER+ votes, fer2013new.csv")
    add_label_map(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--recipe", type=Path, metavar="TOML", help="changes to the default recipe")
    parser.add_argument("--init", type=Path, metavar="WEIGHTS", help=".safetensors to start from")
    parser.add_argument(
        "--teacher",
        type=Path,
        nargs="+",
        default=[],
        metavar="WEIGHTS",
        help="trained .safetensors whose mean answer is learned, too",
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--epochs",
        type=arguments.positive,
        metavar="N",
        help="the recipe's last stage only, for N epochs",
    )
    length.add_argument(
        "--minutes",
        type=_minutes,
        metavar="M",
        help="the whole recipe in M minutes, however many epochs that is on this machine",
    )
    parser.add_argument(
        "--limit", type=arguments.positive, metavar="N", help="train on N samples only"
    )
    parser.add_argument(
        "--keep-near-copies",
        action="store_true",
        help="train on samples that are almost a held-out one, too",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="(default: cuda if there is one)")
    parser.add_argument("--threads", type=arguments.positive, metavar="N", help="of the processor")
    parser.add_argument(
        "--compile",
        action="store_true",
        help="compile the network first: for a long run on a GPU; needs a C++ compiler",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Train to the recipe's end; return the exit code."""
    device = _device(args.device)
    folder = RunFolder(args.out)
    trainer, state, held_out = (_resumed if args.resume else _begun)(args, folder, device)
    with _processor(args.threads), _compiled(trainer) if args.compile else contextlib.nullcontext():
        _train(trainer, folder, state, held_out)
    best = max(state.history, key=lambda line: line["validation_accuracy"])
    sys.stdout.write(
        f"{folder.weights}: epoch {best['epoch']}, {best['validation_accuracy']:.2%} of "
        f"{len(held_out)} PublicTest samples\n"
    )
    return 0


def _begun(
    args: argparse.Namespace, folder: RunFolder, device: torch.device
) -> tuple[Trainer, RunState, FaceDataset]:
    """Return a new run, its first state saved."""
    folder.check_unused()
    recipe = load_recipe(args.recipe) if args.recipe else default_recipe()
    if args.epochs:
        recipe = recipe.only(args.epochs)
    torch.manual_seed(recipe.seed)  # of the first weights
    net = load_checkpoint(args.init) if args.init else DenseNet121(stem=recipe.stem)
    net = with_stem(net, recipe.stem)
    teachers, digests = load_teachers(args.teacher, device)
    faces, held_out = _samples(args, args.limit, recipe.seed, near_copies=args.keep_near_copies)
    budget = Budget(args.minutes) if args.minutes else None
    trainer = Trainer(net, faces, recipe, device, teachers=teachers, budget=budget)
    state = RunState(
        trainer.state(),
        fingerprint(faces),
        args.limit,
        votes=str(args.votes.resolve()) if args.votes else None,
        label_map=args.label_map,
        near_copies=args.keep_near_copies,
        teachers=dict(zip(_resolved(args.teacher), digests, strict=True)),
        minutes=args.minutes,
    )
    folder.begin(recipe, state)
    return trainer, state, held_out


def _resumed(
    args: argparse.Namespace, folder: RunFolder, device: torch.device
) -> tuple[Trainer, RunState, FaceDataset]:
    """Return the run in `folder` as its last state has it."""
    for name in FIXED_AT_THE_START:
        if getattr(args, name):
            option = name.replace("_", "-")
            raise UsageError(f"--{option} is for a new run; {folder.recipe} applies to this one")
    recipe, state = folder.resume()
    begun_with = state.votes, state.label_map, state.teachers
    _recall(args, state)
    teachers, digests = load_teachers(args.teacher, device)
    check_same(args.teacher, digests, list(state.teachers.values()))
    faces, held_out = _samples(args, state.limit, recipe.seed, near_copies=state.near_copies)
    if fingerprint(faces) != state.faces:
        votes = f" with votes {args.votes}" if args.votes else ""
        raise DataError(f"{args.data}{votes}: not the samples that {folder.folder} was begun with")
    if (stem := stem_of(state.trainer["net"])) != recipe.stem:
        raise UsageError(f"{folder.recipe}: the stem of this run is {stem}, not {recipe.stem}")
    state.teachers = dict(zip(_resolved(args.teacher), digests, strict=True))
    budget = Budget(state.minutes, state.spent_s) if state.minutes else None
    net = DenseNet121(stem=stem)
    trainer = Trainer(net, faces, recipe, device, teachers=teachers, budget=budget)
    trainer.restore(state.trainer)
    if (state.votes, state.label_map, state.teachers) != begun_with:
        folder.save(state)
    return trainer, state, held_out


def _recall(args: argparse.Namespace, state: RunState) -> None:
    """Fill in the options that the run was begun with, and record those that are given now."""
    if args.votes:
        state.votes = str(args.votes.resolve())
    elif state.votes:
        args.votes = Path(state.votes)
    state.label_map = args.label_map = args.label_map or state.label_map
    args.teacher = args.teacher or [Path(path) for path in state.teachers]


def _resolved(paths: Sequence[Path]) -> list[str]:
    return [str(path.resolve()) for path in paths]


def _samples(
    args: argparse.Namespace, limit: int | None, seed: int, *, near_copies: bool
) -> tuple[FaceDataset, FaceDataset]:
    """Return the samples for training, with or without near copies, and for selection."""
    everything = load_dataset(args.data, args.votes, args.label_map)
    faces, held_out = everything.training(), everything.part(Split.PUBLIC)
    if not len(held_out):
        raise DataError(f"{args.data}: there is no sample in PublicTest to select by")
    dropped = len(everything.part(Split.TRAINING)) - len(faces)
    exact = len(faces)
    if not near_copies:
        faces = without_near_copies(faces, everything)
    near = exact - len(faces)
    if limit is not None:
        faces = faces.take(np.random.default_rng(seed).permutation(len(faces))[:limit])
    sys.stdout.write(
        f"{len(faces)} training samples; {dropped} blank, repeated or held-out ones were dropped\n"
        f"{near} near copies of held-out ones were dropped\n"
    )
    return faces, held_out


def _train(trainer: Trainer, folder: RunFolder, state: RunState, held_out: FaceDataset) -> None:
    validation = Validation(held_out, trainer.recipe, trainer.device)
    with _bar() as bar:
        task = bar.add_task("", total=1.0)
        done = trainer.is_done
        while not done:
            bar.update(task, description=f"Epoch {_of_all(trainer.progress.epoch + 1, trainer)}")
            line = _epoch(trainer, folder, state, bar, task)
            began = time.monotonic()
            score = validation(trainer.average)
            if trainer.budget:
                trainer.budget.reserve_s = time.monotonic() - began
            line |= {
                "validation_loss": round(score.loss, 5),
                "validation_accuracy": round(score.accuracy, 5),
                "recall": [recall and round(recall, 3) for recall in score.recall],
            }
            better = all(
                line["validation_accuracy"] > old["validation_accuracy"] for old in state.history
            )
            state.history.append(line)
            done = trainer.is_done
            if done and trainer.budget:
                trainer.budget.finish()
            _take_down(state, trainer)
            folder.save_epoch(state, _kept(trainer, score, held_out) if better else None)
            sys.stdout.write(_readable(line, trainer))


def _kept(trainer: Trainer, score: Score, held_out: FaceDataset) -> DenseNet121:
    """Return the network to write to the disk."""
    if not trainer.recipe.fit_biases:
        return trainer.average
    return with_biases(trainer.average, fit_biases(score.logits, held_out.labels))


def _take_down(state: RunState, trainer: Trainer) -> None:
    state.trainer = trainer.state()
    state.spent_s = trainer.budget.spent_s if trainer.budget else 0.0


def _of_all(epoch: int, trainer: Trainer) -> str:
    """Return "3/22", or "3" where the number of epochs depends on the time."""
    return f"{epoch}" if trainer.budget else f"{epoch}/{trainer.recipe.epochs}"


def _epoch(
    trainer: Trainer, folder: RunFolder, state: RunState, bar: Progress, task: TaskID
) -> EpochLog:
    """Do what is left of an epoch; return its line of the log as far as training goes."""
    began = time.monotonic()
    side_px = trainer.stage.side_px
    for done in trainer.epoch():
        bar.update(task, completed=trainer.share_done)
        if done.step % trainer.recipe.checkpoint_steps == 0:
            _take_down(state, trainer)
            folder.save(state)
    rate = trainer.learning_rate()
    tally = trainer.finish_epoch()
    return {
        "epoch": trainer.progress.epoch,
        "side_px": side_px,
        "learning_rate": rate,
        "loss": round(tally.loss / tally.samples, 5),
        "accuracy": round(tally.correct / tally.samples, 5),
        "seconds": round(time.monotonic() - began),
    }


def _readable(line: EpochLog, trainer: Trainer) -> str:
    return (
        f"epoch {_of_all(line['epoch'], trainer)}: "
        f"loss {line['loss']:.3f}, {line['accuracy']:.1%}; "
        f"PublicTest: {line['validation_loss']:.3f}, {line['validation_accuracy']:.2%}\n"
    )


@contextlib.contextmanager
def _processor(threads: int | None) -> Iterator[None]:
    """Compute with this many threads, and treat subnormal numbers, which are slow, as zero.

    Both are settings of the whole process. They are restored at the end.
    """
    before, flushed = torch.get_num_threads(), sys.float_info.min / 2 == 0
    torch.set_num_threads(threads or before)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)
        torch.set_num_threads(before)


@contextlib.contextmanager
def _compiled(trainer: Trainer) -> Iterator[None]:
    """Train in steps that torch compiles. Raises UsageError where it cannot."""
    from torch._dynamo.exc import TorchDynamoException  # noqa: PLC0415 # only here: a second

    trainer.compile()
    try:
        yield
    except TorchDynamoException as exc:
        reason = str(exc).partition("\n")[0]
        raise UsageError(f"--compile: torch cannot compile on this machine: {reason}") from exc


def _bar() -> Progress:
    console = Console(file=sys.stderr)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _device(name: str | None) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no CUDA device")
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def _minutes(text: str) -> float:
    number = float(text)
    if not 0 < number <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {MOST_MINUTES}")
    return number
