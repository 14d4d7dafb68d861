"""What identifies the board: an id that outlives a new SD card, and the board's name."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from edge.state import KeptFile
from edge.system.board import ROOT

_SERIAL_NUMBER = "sys/firmware/devicetree/base/serial-number"
_BOARD_MODEL = "sys/firmware/devicetree/base/model"
_MACHINE_ID = "etc/machine-id"
# Mixed in, so that neither number can be computed from the id: machine-id(5) asks for that.
_PURPOSE = b"emotion-edge device id"
_DIGITS = 12


def device_id(kept: KeptFile, root: Path = ROOT) -> str:
    """Return 12 hexadecimal digits that stay the same on this board.

    They come from the board's serial number, which no copy of an SD card shares, else from the
    machine's id, else they are random and stored in `kept`. Raises StateError for the last.
    """
    for path in (_SERIAL_NUMBER, _MACHINE_ID):
        if (known := _text(root / path)).strip("0"):
            return hmac.new(known.encode(), _PURPOSE, hashlib.sha256).hexdigest()[:_DIGITS]
    stored = kept.read().decode("ascii", "replace").strip()
    if len(stored) == _DIGITS and set(stored) <= set("0123456789abcdef"):
        return stored
    chosen = secrets.token_hex(_DIGITS // 2)
    kept.write(f"{chosen}\n".encode())
    return chosen


def board_name(root: Path = ROOT) -> str:
    """Return the model of the board, "computer" where the firmware tells none."""
    return _text(root / _BOARD_MODEL) or "computer"


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip("\0\n ")
    except OSError:
        return ""
