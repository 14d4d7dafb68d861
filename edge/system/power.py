"""Switches the machine off with systemctl, which polkit must permit."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from edge.errors import OutputError

POWER_OFF = ("systemctl", "--no-ask-password", "poweroff")

_PATIENCE_S = 10.0


def power_off(command: Sequence[str] = POWER_OFF) -> None:
    """Ask the system to shut down, and return; the shutdown ends this program, too.

    Raises OutputError when it is not allowed or not possible.
    """
    try:
        subprocess.run(  # noqa: S603 (a fixed command)
            command, check=True, capture_output=True, text=True, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.SubprocessError) as exc:
        said = (getattr(exc, "stderr", None) or str(exc)).strip().splitlines()
        raise OutputError(
            f"cannot shut down: {said[-1] if said else exc}; run the installer again with "
            '[button] mode = "pause_and_shutdown" set, which permits it, '
            "or shut down with: sudo poweroff"
        ) from exc
