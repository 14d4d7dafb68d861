"""A person's pause in the state folder, so that it survives a restart."""

from __future__ import annotations

import logging
from pathlib import Path

from edge.errors import EdgeError, StateError
from edge.state import KeptFile, open_folder

log = logging.getLogger(__name__)

_NAME = "paused"
_PAUSED = b"paused\n"


class KeptPause:
    """Whether a person's pause was in force at the last change. Without a folder none is kept."""

    def __init__(self, folder: Path | None) -> None:
        """Read it. A file that cannot be read, or has another content, counts as a pause."""
        self._file = None if folder is None else KeptFile(folder / _NAME)
        self._content = b"" if self._file is None else _content(self._file)

    @property
    def is_paused(self) -> bool:
        """Whether a pause is kept."""
        return self._content != b""

    def keep(self, *, paused: bool) -> None:
        """Replace it; logs a warning when it cannot be written."""
        content = _PAUSED if paused else b""
        if self._file is None or content == self._content:
            return
        try:
            open_folder(self._file.path.parent)
            self._file.write(content)
        except EdgeError as exc:
            log.warning("pause: the next start will not know of this change: %s", exc)
        else:
            self._content = content


def _content(file: KeptFile) -> bytes:
    try:
        return file.read()
    except StateError as exc:
        log.warning("pause: counts as kept: %s", exc)
        return _PAUSED
