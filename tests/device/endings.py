"""Ends a device of this machine by two signals, fifty times by each kind, and counts orderly ends.

    .venv/bin/python tests/device/endings.py [FOLDER] [--number 50]

The kinds are SIGINT, SIGTERM and SIGHUP twice, and two different ones. An end is orderly within
3 s, with exit code 0, the last minute on disk and no traceback. Exits with 1 when one is not.
FOLDER keeps each device's files; without it they are temporary.
"""

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path
from signal import Signals

sys.path.insert(0, str(Path(__file__).parents[1] / "edge"))
from signals import ENDING, attempts

KINDS = {
    **{Signals(one).name: [(one, one)] for one in ENDING},
    "two different ones": list(itertools.permutations(ENDING, 2)),
}


def main(folder: Path, number: int) -> int:
    """Try every kind so many times; return the exit code."""
    missed = 0
    for seed, (name, kinds) in enumerate(KINDS.items()):
        own, orderly, began_s = folder / name.replace(" ", "-"), 0, time.monotonic()
        own.mkdir(parents=True)
        for what, wrong in attempts(own, kinds, number, seed):
            orderly += not wrong
            if wrong:
                print(f"  {what}: {'; '.join(wrong)}", flush=True)
        missed += number - orderly
        took_s = time.monotonic() - began_s
        print(f"{name:20} {orderly} of {number} orderly, {took_s:.0f} s", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--number", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(given.folder or Path(temporary), given.number))
