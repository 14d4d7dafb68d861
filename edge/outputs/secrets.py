"""Reads secrets that settings name but do not hold: a password, an address with a token."""

from __future__ import annotations

from pathlib import Path

from edge import files
from edge.errors import ConfigError

_LARGEST_BYTES = 4096


def first_line_of(path: str, setting: str) -> str:
    """Return the first line of the file at `path`, which `setting`, "[table] key", names.

    Raises ConfigError, without the content, when the file cannot be read or the line is empty.
    """
    place = f"{setting} = {path!r}"
    try:
        content = files.read_file(files.expanded(path), limit_bytes=_LARGEST_BYTES)
        line = content.decode("utf-8").partition("\n")[0].rstrip("\r")
    except OSError as exc:
        raise ConfigError(
            f"{place}: cannot read it: {exc.strerror}; the service reads files of its group: "
            f"sudo chgrp emotion-edge {Path(path)}; sudo chmod 640 {Path(path)}"
        ) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{place}: expected text in UTF-8") from exc
    if not line.strip():
        raise ConfigError(f"{place}: its first line is empty")
    return line
