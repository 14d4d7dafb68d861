"""Whether the page still greets the owner with its first-minute check; kept over restarts."""

from __future__ import annotations

import logging
from pathlib import Path

from edge.errors import EdgeError
from edge.state import KeptFile, open_folder

log = logging.getLogger(__name__)

_NAME = "first-minute-done"
_CONTENT = b"the page has greeted the owner; remove this file to see it again\n"


class KeptGreeting:
    """The greeting of one device. Without a folder it returns after the next restart."""

    def __init__(self, folder: Path | None) -> None:
        """Look for the file. One that cannot be read is logged, and the page does not greet."""
        self._file = None if folder is None else KeptFile(folder / _NAME)
        self._is_due = not _exists(self._file)

    @property
    def is_due(self) -> bool:
        """Whether the page greets."""
        return self._is_due

    def finish(self) -> bool:
        """End the greeting on all screens; return whether that holds after a restart."""
        self._is_due = False
        if self._file is None:
            return False
        try:
            open_folder(self._file.path.parent)
            self._file.write(_CONTENT)
        except EdgeError as exc:
            log.warning("web: the page will greet again after a restart: %s", exc)
            return False
        return True


def _exists(file: KeptFile | None) -> bool:
    try:
        return file is not None and bool(file.read())
    except EdgeError as exc:
        log.warning("web: the page does not greet: %s", exc)
        return True
