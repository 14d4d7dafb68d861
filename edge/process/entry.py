"""The process of every command, made ready before it does anything."""

from __future__ import annotations

import os
import sys

from edge.errors import ResourceError
from edge.process.ending import leave, listen
from edge.process.memory import settle_allocator
from edge.process.streams import repair_streams


def run() -> int:
    """Run the command and return its exit code.

    What is heavy is imported only once signals are heard: a second or more on a Pi.
    """
    repair_streams()
    settle_allocator()
    try:
        ending = listen()
    except ResourceError as exc:
        print(f"emotion-edge: {exc}", file=sys.stderr)  # noqa: T201 (as cli.py does)
        return exc.exit_code
    try:
        from edge.cli import main as run_command  # noqa: PLC0415 (see above)

        code = run_command()
    except ModuleNotFoundError as exc:
        code = _report_missing(exc)
    except Exception:
        sys.excepthook(*sys.exc_info())
        code = 1
    if ending.is_orderly:
        leave(code)  # with everything closed; a signal changes nothing any more
    return code


def _report_missing(missing: ModuleNotFoundError) -> int:
    if os.environ.get("EMOTION_EDGE_DEBUG"):
        raise missing
    print(  # noqa: T201 (as cli.py does)
        f"emotion-edge: the Python module {missing.name} is not installed: run `pip install .` in "
        "emotion-edge's folder, or `sudo ./install.sh` for an installed device",
        file=sys.stderr,
    )
    return 1
