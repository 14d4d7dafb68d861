"""What a test needs that becomes another user: folders, and this code, open to all."""

import os
from pathlib import Path

import pytest

import edge


def open_to_all(folder: Path) -> None:
    """Let every user pass `folder` and those of this user's folders that it lies in."""
    for parent in (folder, *folder.parents):
        found = parent.stat()
        if found.st_uid == os.geteuid() and not found.st_mode & 0o001:
            parent.chmod(0o755)


def skip_where_others_cannot_read_this_code() -> None:
    """Skip the rest of a test of root's in a private clone, such as one in root's own home."""
    for folder in Path(edge.__file__).resolve().parents:
        if os.geteuid() == 0 and not folder.stat().st_mode & 0o001:
            pytest.skip(f"no other user may enter {folder}")
