"""The state folder: files that outlive a restart.

Each file is written under a temporary name and renamed, so that a power cut leaves the old or the
new file. Only their owner can read the files.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edge import files
from edge.config import StateConfig
from edge.errors import ConfigError, EdgeError, StateError

_LARGEST_FILE_BYTES = 64 * 1024  # of the files read here; the device writes no larger one

_LONGEST_SHOWN = 200  # characters of a path in a message
_NO_NAME = "this is not a valid path"
_ELSEWHERE = "set [state] folder to another"
_OWN = "remove it, the device makes its own"
_ADVICE = {
    errno.ENOSPC: "free some space: sudo apt clean, sudo journalctl --vacuum-size=50M",
    errno.EDQUOT: "free some of this user's space",
    errno.EROFS: f"remount it for writing, or {_ELSEWHERE}",
    errno.ENOENT: f"its folder is missing: start the device again, or {_ELSEWHERE}",
    errno.EIO: "the disk is faulty: replace the memory card",
    errno.EMFILE: "too many files are open: start the device again",
    errno.ENFILE: "too many files are open: stop other programs",
    errno.EISDIR: "remove the folder that is in its place",
    errno.ELOOP: "remove the symbolic links that lead to one another",
    errno.ENOTDIR: f"a file is in its place or on the way: remove it, or {_ELSEWHERE}",
    errno.EEXIST: f"a file is in its place: remove it, or {_ELSEWHERE}",
    errno.EINVAL: _OWN,
    errno.EFBIG: _OWN,
    errno.ENAMETOOLONG: "set [state] folder to a shorter path",
}
# Errors that a restart does not repair: the setting is not a possible folder.
_MISNAMED = (errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG)

# The path of systemd's StateDirectory=emotion-edge, for programs other than the service.
INSTALLED_FOLDER = Path("/var/lib/emotion-edge")


def find_folder(config: StateConfig, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the state folder: the configured one, systemd's, or the user's own.

    Raises ConfigError when it would be in the home folder of a user without one.
    """
    if config.folder != "auto":
        return _expanded(config.folder, config.folder)
    if folders := environment.get("STATE_DIRECTORY"):
        return Path(folders.partition(":")[0])
    home = environment.get("XDG_STATE_HOME", "")
    if Path(home).is_absolute():  # its specification ignores a relative path
        return Path(home) / "emotion-edge"
    return _expanded("~/.local/state/emotion-edge", "auto")


def _expanded(path: str, setting: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        user = "this user" if setting == "auto" else path.partition("/")[0]
        reason = f"{user} has no home folder; set [state] folder to an absolute path"
    except ValueError:
        reason = _NO_NAME
    raise ConfigError(f"[state] folder = {setting[:_LONGEST_SHOWN]!r}: {reason}")


def open_folder(folder: Path) -> Path:
    """Return `folder`, created if it is missing.

    Raises ConfigError for an impossible path, StateError when it cannot be created. Whether it can
    be written is not checked: with its secrets in place a device runs on a full or read-only disk.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise _refusal(folder, "make", exc) from exc
    except (ValueError, RecursionError) as exc:
        raise ConfigError(f"[state] folder = {_shown(folder)!r}: {_NO_NAME}") from exc
    return folder


def replace_file(path: Path, content: bytes) -> None:
    """Replace the file's content as a whole, readable by its owner only. Raises StateError."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                _give_to_owner_of(path.parent, file.fileno())
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as exc:
        raise _refusal(path, "write", exc) from exc


class KeptFile:
    """A small file of the state folder, read and replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes:
        """Return the content, empty when there is no file. Raises StateError."""
        return read_file(self.path)

    def write(self, content: bytes) -> None:
        """Replace the content as a whole. Raises StateError."""
        replace_file(self.path, content)


def read_file(path: Path) -> bytes:
    """Return a file's content, empty when there is no file. Raises StateError.

    A pipe or a device in its place is refused, not waited for.
    """
    try:
        return files.read_file(path, limit_bytes=_LARGEST_FILE_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as exc:
        raise _refusal(path, "read", exc) from exc


def _refusal(path: Path, verb: str, exc: OSError) -> EdgeError:
    """Return the error with the remedy for its number."""
    advice = "set [state] folder to a folder that this user can write"
    if verb == "read":
        advice = "run with sudo, or as the device's own user"
    kind = ConfigError if verb == "make" and exc.errno in _MISNAMED else StateError
    return kind(
        f"{_shown(path)}: cannot {verb} it: {exc.strerror}; {_ADVICE.get(exc.errno or 0, advice)}"
    )


def _shown(path: Path) -> str:
    text = str(path)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _give_to_owner_of(folder: Path, descriptor: int) -> None:
    """Let the service read what root writes for it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
