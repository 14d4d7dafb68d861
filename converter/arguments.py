"""Numbers on the command line, for `type=` of argparse: each refuses what is out of its range."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Return a whole number of at least 1. Raises argparse.ArgumentTypeError."""
    return _at_least(text, 1)


def seed(text: str) -> int:
    """Return a whole number of at least 0. Raises argparse.ArgumentTypeError."""
    return _at_least(text, 0)


def share(text: str) -> float:
    """Return a number from 0 to 1. Raises argparse.ArgumentTypeError."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 1")
    return number


def _at_least(text: str, least: int) -> int:
    number = int(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is not at least {least}")
    return number
