"""Measures the device beside `fer`, and writes docs/performance.json, .png and the table in .md.

    python -m docs.performance [options of `emotion-edge bench`]

Run it on a machine that does nothing else.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from docs import generate
from edge.cli import main as emotion_edge

FOLDER = Path(__file__).parent


def main(options: Sequence[str]) -> int:
    """Measure and write; return the exit code."""
    printed = io.StringIO()
    command = ["bench", "--compare", "fer", "--json", "--chart", str(FOLDER / "performance.png")]
    with contextlib.redirect_stdout(printed):
        code = emotion_edge([*command, *options])
    if code:
        return code
    found = json.loads(printed.getvalue())
    (FOLDER / "performance.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    for path, text in generate.outdated().items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
