"""`emotion-converter average`: the mean of the weights of networks with a common beginning.

A network between the first weights and fine-tuned ones reads much of what either reads (Wortsman et
al., "Robust fine-tuning of zero-shot models", 2022). Networks that began apart have no such mean.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from converter import arguments
from converter.errors import CheckpointError, UsageError
from converter.output import check_writable, write_together
from converter.training.checkpoint import checkpoint_bytes, load_checkpoint
from converter.training.model import DenseNet121


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `average` command."""
    parser = subparsers.add_parser(
        "average",
        help="average the weights of trained networks",
        epilog="For weights and what was trained from them with --init. Measure the mean: the "
        "weights of trainings that began apart average to nothing.",
    )
    parser.add_argument(
        "weights", type=Path, nargs="+", metavar="WEIGHTS", help="two or more .safetensors"
    )
    parser.add_argument(
        "--shares",
        type=arguments.positive,
        nargs="+",
        metavar="N",
        help="how much each counts, as whole numbers in the same order (default: all alike)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="WEIGHTS", help=".safetensors")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Write the mean; return the exit code."""
    paths: list[Path] = args.weights
    shares: list[int] = args.shares or [1] * len(paths)
    if len(paths) < 2:
        raise UsageError(f"{paths[0]}: one file has no mean; give two or more")
    if len(shares) != len(paths):
        raise UsageError(f"--shares: {len(shares)} for {len(paths)} files; give one for each")
    check_writable((args.out,), force=args.force)
    nets = [load_checkpoint(path) for path in paths]
    for path, net in zip(paths, nets, strict=True):
        if net.features.stem != nets[0].features.stem:
            raise CheckpointError(f"{path}: the stem is another than that of {paths[0]}")
    write_together({args.out: checkpoint_bytes(average(nets, shares))})
    sys.stdout.write(f"{args.out}: the mean of {len(nets)}\n")
    return 0


def average(nets: Sequence[DenseNet121], shares: Sequence[int]) -> DenseNet121:
    """Return a network with the mean of the weights and running statistics of `nets`."""
    mean, total = copy.deepcopy(nets[0]), sum(shares)
    states = [net.state_dict() for net in nets]
    for name, weight in mean.state_dict().items():
        parts = [state[name] * (share / total) for state, share in zip(states, shares, strict=True)]
        weight.copy_(torch.stack(parts).sum(0))
    return mean
