"""The process of `emotion-edge` and `python -m edge`: its streams first, then the command."""

from __future__ import annotations

import sys

from edge.memory import settle_allocator
from edge.streams import repair_streams


def main() -> int:
    """Make the process fit for any caller, run the command, and return the exit code."""
    repair_streams()
    settle_allocator()
    from edge.cli import main as run_command  # noqa: PLC0415 (opens files as it is imported)

    return run_command()


if __name__ == "__main__":
    sys.exit(main())
