"""The names that a dataset has for the labels: its own numbers, or other words."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from converter.data.labels import KNOWN, key_of, label_of
from converter.errors import DataError

LabelMap = Mapping[str, str]
"""The label, or "contempt", by the name that a dataset has for it: see `labels.key_of`."""


class NameReader:
    """Reads one dataset's names of labels and keeps which ones it has met."""

    def __init__(self, own: LabelMap | None = None) -> None:
        self._own = own or {}
        self._met: dict[str, str] = {}

    def __call__(self, name: str) -> str | None:
        """Return the label of `name`, or "contempt"; None for a name that is not known."""
        label = label_of(name, self._own)
        if label is not None:
            self._met[key_of(name)] = label
        return label

    @property
    def expected(self) -> str:
        """What a name can be, for messages."""
        numbers = f"{', '.join(self._own)} of --label-map" if self._own else "0 to 6"
        return f"{numbers} or one of {KNOWN}"

    def note(self) -> str:
        """Return a sentence on the label of each number that was met, "" without a number."""
        numbers = sorted((name for name in self._met if name.isdecimal()), key=int)
        if not numbers:
            return ""
        read = ", ".join(f"{name} = {self._met[name]}" for name in numbers)
        order = "as --label-map says" if self._own else "FER2013's order; --label-map sets another"
        return f"numbers are read as {read} ({order})"

    def check_used(self, source: object) -> None:
        """Raise DataError when --label-map names something that the dataset does not have."""
        if unused := [name for name in self._own if name not in self._met]:
            raise DataError(f"{source}: nothing in it is named {unused[0]!r}, as in --label-map")


def add_label_map(parser: argparse.ArgumentParser) -> None:
    """Add the option `--label-map`."""
    parser.add_argument(
        "--label-map",
        type=label_map,
        metavar="NAME=LABEL,...",
        help="labels of numbered folders or of a CSV's numbers, as in 1=surprise,2=fear "
        "(default: FER2013's order, 0=angry to 6=neutral)",
    )


def label_map(text: str) -> dict[str, str]:
    """Return the map in "1=surprise,2=fear". Raises argparse.ArgumentTypeError."""
    found: dict[str, str] = {}
    for pair in text.split(","):
        name, equals, said = pair.partition("=")
        key, label = key_of(name), None if said.strip().isdecimal() else label_of(said)
        if not key or not equals:
            raise argparse.ArgumentTypeError(f"{pair!r} is not NAME=LABEL, as in 1=surprise")
        if label is None:
            raise argparse.ArgumentTypeError(f"{said!r} is not a known emotion ({KNOWN})")
        if found.setdefault(key, label) != label:
            raise argparse.ArgumentTypeError(f"{name.strip()!r} has two labels")
    return found
