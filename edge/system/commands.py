"""Runs commands of the system and reads their output."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

_PATIENCE_S = 5.0


def output_of(command: Sequence[str]) -> str:
    """Return the command's output, "" when it fails, takes too long or does not exist."""
    try:
        done = subprocess.run(  # noqa: S603 (fixed commands)
            command, check=True, capture_output=True, text=True, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
