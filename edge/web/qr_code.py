"""A QR code in the terminal, drawn by qrencode if that is installed; install.sh does the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TextIO

_TIMEOUT_S = 3.0
_WIDTH = 41  # columns: a code of version 5, the largest for an address, with its margin


def qr_code(text: str, terminal: TextIO) -> str:
    """Return the lines of a code for `text`, nothing if the terminal cannot show them."""
    program = shutil.which("qrencode")
    if program is None or not _can_draw(terminal):
        return ""
    try:
        return subprocess.run(  # noqa: S603 (a fixed command)
            [program, "-t", "ANSIUTF8", "-m", "2", "--", text],
            check=True,
            capture_output=True,
            encoding="utf-8",
            timeout=_TIMEOUT_S,
        ).stdout.rstrip("\n")
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""


def _can_draw(terminal: TextIO) -> bool:
    try:
        "█▀▄".encode(terminal.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    is_drawn_on = terminal.isatty() and os.environ.get("TERM") != "dumb"
    return is_drawn_on and shutil.get_terminal_size().columns >= _WIDTH
