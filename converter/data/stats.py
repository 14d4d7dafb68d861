"""`emotion-converter dataset`: counts the samples of a dataset."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converter.data.contact_sheet import contact_sheet_png
from converter.data.dataset import Reading, read_dataset
from converter.data.faces import FaceDataset, SampleStatus, Split
from converter.data.ferplus import majority_labels
from converter.data.label_map import add_label_map
from converter.data.labels import LABELS
from converter.data.near_copies import Copies, held_out_copies, without_near_copies
from converter.output import check_writable, write_together

SPLIT_NAMES = {
    Split.TRAINING: "Training",
    Split.PUBLIC: "PublicTest",
    Split.PRIVATE: "PrivateTest",
}
BAD_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetStats:
    """`counts` of samples by split and label, in the order of LABELS.

    `statuses` counts the training samples by their SampleStatus. `voted` is the number of
    samples whose FER+ votes have a clear winner, `agreeing` the number of those that have it as
    their label.
    """

    counts: dict[Split, tuple[int, ...]]
    statuses: dict[SampleStatus, int]
    voted: int
    agreeing: int


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `dataset` command."""
    parser = subparsers.add_parser("dataset", help="count a dataset's samples")
    parser.add_argument("path", type=Path, help="fer2013.csv, a folder of labelled images, or .npz")
    parser.add_argument("--votes", type=Path, metavar="CSV", help="FER+ votes, fer2013new.csv")
    add_label_map(parser)
    parser.add_argument("--contact-sheet", type=Path, metavar="PNG", help="draw some of each label")
    parser.add_argument("--force", action="store_true", help="replace an existing drawing")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the statistics of `args.path`; return the exit code."""
    if args.contact_sheet:
        check_writable((args.contact_sheet,), force=args.force)
    reading = read_dataset(args.path, args.votes, args.label_map)
    if args.contact_sheet:
        write_together({args.contact_sheet: contact_sheet_png(reading.faces)})
    lines = [*_lines(reading, stats_of(reading.faces)), *_copies(reading.faces)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def stats_of(faces: FaceDataset) -> DatasetStats:
    """Return the counts of `faces`."""
    voted = majority_labels(faces.votes)
    clear = voted >= 0
    statuses = faces.statuses()
    return DatasetStats(
        counts={
            split: tuple(
                np.bincount(faces.labels[faces.split == split], minlength=len(LABELS)).tolist()
            )
            for split in Split
        },
        statuses={status: int((statuses == status).sum()) for status in SampleStatus},
        voted=int(clear.sum()),
        agreeing=int((voted[clear] == faces.labels[clear]).sum()),
    )


def _copies(faces: FaceDataset) -> list[str]:
    """Return what is said about samples that are in more than one split."""
    training = faces.training()
    left_out = len(training) - len(without_near_copies(training, faces))
    lines = [
        f"{left_out} of the used ones are near copies of held-out samples, which training leaves "
        "out, too"
    ]
    for split in (Split.PUBLIC, Split.PRIVATE):
        copies = held_out_copies(faces, split)
        if copies.exact or copies.near or copies.other_split:
            lines.append(f"{SPLIT_NAMES[split]}: {_in_words(copies)}")
    return lines


def _in_words(copies: Copies) -> str:
    agreeing = f"with the same label in {copies.agreeing / max(copies.exact, 1):.1%}"
    return (
        f"{copies.exact} of {copies.samples} samples have an exact copy in Training, {agreeing}, "
        f"{copies.near} others a near one; {copies.other_split} are in the other held-out split, "
        "exactly or nearly"
    )


def _lines(reading: Reading, stats: DatasetStats) -> list[str]:
    lines = ["".join(f"{name:>11}" for name in ("", *LABELS, "all"))]
    for split, counts in stats.counts.items():
        row = "".join(f"{count:11}" for count in (*counts, sum(counts)))
        lines.append(f"{SPLIT_NAMES[split]:11}{row}")
    lines.append("")
    lines.append(
        f"Training uses {stats.statuses[SampleStatus.USED]} samples and leaves out "
        f"{stats.statuses[SampleStatus.HELD_OUT]} that are in a held-out split too, "
        f"{stats.statuses[SampleStatus.REPEATED]} repeated and "
        f"{stats.statuses[SampleStatus.BLANK]} blank ones"
    )
    if stats.voted:
        lines.append(
            f"FER+'s votes have a clear winner for {stats.voted} samples, which is their label "
            f"for {stats.agreeing / stats.voted:.1%}"
        )
    lines += [*reading.notes]
    if reading.contempt:
        lines.append(f"{reading.contempt} samples of contempt were dropped")
    if reading.bad:
        lines.append(f"{len(reading.bad)} bad samples were left out:")
        lines += [f"  {where}" for where in reading.bad[:BAD_SHOWN]]
        if len(reading.bad) > BAD_SHOWN:
            lines.append(f"  and {len(reading.bad) - BAD_SHOWN} more")
    return lines
