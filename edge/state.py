"""The state folder: files that outlive a restart, and the secrets in it.

Each file is written under a temporary name and renamed, so that a power cut leaves the old or the
new file. Only their owner can read the files, and secrets are never logged.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edge import files
from edge.config import StateConfig
from edge.errors import ConfigError, EdgeError, StateError

# Without the letters and digits that are easily confused: i l 1, o 0.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS = (4, 4, 2)
_SHORTEST_CODE = 8  # letters and digits of a code that a person chose
_LONGEST_CODE = 64  # characters of it
_SECRET_BYTES = 32
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


def login_secret(folder: Path) -> bytes:
    """Return the random half of the logins' key, made at the first start. Raises StateError."""
    path = folder / "login-secret"
    kept = read_file(path)
    if len(kept) == _SECRET_BYTES:
        return kept
    replace_file(path, secrets.token_bytes(_SECRET_BYTES))
    return read_file(path)


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


class AccessCode:
    """The code that opens the page, read again when its file changes: a new one counts at once."""

    def __init__(self, folder: Path) -> None:
        """Make the code if there is none. Raises StateError."""
        self._path = folder / "access-code"
        self._identity: tuple[int, int, int] | None = None
        self._code = ""
        if not read_file(self._path).strip():
            self.renew()
        if not self():
            raise StateError(
                f"{self._path}: an access code has at least {_SHORTEST_CODE} letters and digits, "
                f"and at most {_LONGEST_CODE} characters; "
                "delete the file to create a new code"
            )

    def __call__(self) -> str:
        """Return the code in force; while its file holds none, the one known last."""
        identity = self._identity_now()
        if identity != self._identity:
            with contextlib.suppress(StateError):
                code = read_file(self._path).decode("utf-8", "replace").strip()
                if sum(map(str.isalnum, code)) >= _SHORTEST_CODE and len(code) <= _LONGEST_CODE:
                    self._code = code
                self._identity = identity  # last: a read that failed is tried again
        return self._code

    def renew(self) -> str:
        """Make a new code, which ends every login, and return it. Raises StateError."""
        replace_file(self._path, f"{new_code()}\n".encode())
        return self()

    def _identity_now(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def new_code() -> str:
    """Return a random access code such as k7mf-2q9x-ta: one of 31^10, some 50 bits."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(size)) for size in _GROUPS)
    return "-".join(groups)


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
