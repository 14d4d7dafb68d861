"""Folders that pytest makes for one user alone, opened for a test that becomes another."""

import os
from pathlib import Path


def open_to_all(folder: Path) -> None:
    """Let every user pass `folder` and those of this user's folders that it lies in."""
    for parent in (folder, *folder.parents):
        found = parent.stat()
        if found.st_uid == os.geteuid() and not found.st_mode & 0o001:
            parent.chmod(0o755)
