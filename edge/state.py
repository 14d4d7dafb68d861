"""The state folder: the little that outlives a restart, and the secrets in it.

Every file is written beside its place and renamed into it, so that a power cut leaves the old one
or the new one. Secrets are readable by their owner alone and never logged.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edge.config import StateConfig
from edge.errors import StateError

# Without the letters and digits that are taken for one another: i l 1, o 0.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS = (4, 4, 2)
_SHORTEST_CODE = 8  # letters and digits of a code that somebody chose
_LONGEST_CODE = 64  # characters of it
_SECRET_BYTES = 32
_LARGEST_FILE_BYTES = 64 * 1024  # of those that are read here; the device writes none larger

# Where systemd's StateDirectory=emotion-edge lies for those who are not the service.
INSTALLED_FOLDER = Path("/var/lib/emotion-edge")


def find_folder(config: StateConfig, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the state folder: the configured one, systemd's, or the user's own."""
    if config.folder != "auto":
        return Path(config.folder).expanduser()
    if folders := environment.get("STATE_DIRECTORY"):
        return Path(folders.partition(":")[0])
    if home := environment.get("XDG_STATE_HOME"):
        return Path(home) / "emotion-edge"
    return Path("~/.local/state/emotion-edge").expanduser()


def open_folder(folder: Path) -> Path:
    """Return `folder`, made if it is missing. Raises StateError when it cannot be made.

    Whether it can be written is seen when it is: with its secrets in place a device goes on when
    the disk is full or mounted read-only.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise _refusal(folder, "write", exc) from exc
    return folder


def replace_file(path: Path, content: bytes) -> None:
    """Give the file this content, all or nothing, for the owner's eyes. Raises StateError."""
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
    """A small file of the state folder, for those who need not know how it is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes:
        """Return the content, empty when there is no file. Raises StateError."""
        return read_file(self.path)

    def write(self, content: bytes) -> None:
        """Replace the content, all or nothing. Raises StateError."""
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
                "delete the file to have one made"
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

    Somebody may have put a pipe, which would be waited for, or a device in its place.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(_LARGEST_FILE_BYTES + 1) if is_file else b""
    except FileNotFoundError:
        return b""
    except OSError as exc:
        raise _refusal(path, "read", exc) from exc
    if not is_file or len(content) > _LARGEST_FILE_BYTES:
        reason = "too large" if is_file else "not a file"
        raise StateError(f"{path}: {reason}; remove it, the device makes its own")
    return content


def _refusal(path: Path, verb: str, exc: OSError) -> StateError:
    advice = "set [state] folder to one this user may write"
    if verb == "read":
        advice = "run this as the device's own user, or with sudo"
    return StateError(f"{path}: cannot {verb} it: {exc.strerror}; {advice}")


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
