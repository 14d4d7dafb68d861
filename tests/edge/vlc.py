"""VLC without a window. It does not run as root, whose `tmp_path` is closed to other users."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest


class Vlc:
    """A VLC that ends with the context, and a folder of its user's."""

    def __init__(self) -> None:
        if shutil.which("vlc") is None:
            pytest.skip("VLC is not installed")
        self._user = "daemon" if os.geteuid() == 0 else None
        self._temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(self._temporary.name)
        if self._user is not None:
            shutil.chown(self.folder, self._user)

    def start(self, *arguments: str) -> None:
        """Start it once."""
        self._process = subprocess.Popen(
            ["vlc", "-I", "dummy", *arguments],
            user=self._user,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> "Vlc":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        self._temporary.cleanup()
