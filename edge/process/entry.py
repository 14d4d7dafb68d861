"""Prepares the process of a command, then runs the command."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

from edge.errors import ResourceError
from edge.process.memory import settle_allocator
from edge.process.signals import leave, listen
from edge.process.streams import flush_stderr, repair_streams

_MOST_IMAGE_PIXELS = 100_000_000


def limit_images(environ: MutableMapping[str, str] = os.environ) -> None:
    """Make OpenCV refuse an image of more than 100 megapixels before it allocates memory.

    OpenCV reads the limit when it is loaded, so call this before cv2 is imported.
    """
    environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(_MOST_IMAGE_PIXELS))


def run() -> int:
    """Run the command and return its exit code, whatever becomes of its messages."""
    try:
        return _run()
    finally:
        flush_stderr()


def _run() -> int:
    """Prepare the process and run the command.

    Heavy modules are imported after the signal handlers are set: on a Pi they take a second or
    more.
    """
    repair_streams()
    settle_allocator()
    limit_images()
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
        leave(code)  # everything is closed, and a late signal has no effect
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
