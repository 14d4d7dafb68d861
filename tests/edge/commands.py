"""Runs `emotion-edge` as a program."""

import subprocess
import sys
from pathlib import Path
from typing import Any


def emotion_edge(*args: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def one_line(text: str) -> str:
    """The error's only line; what the native runtime logs about itself is not ours."""
    (line,) = [line for line in text.splitlines() if line.startswith("emotion-edge: ")]
    assert "Traceback" not in text
    return line
