"""The secrets in the state folder: the access code and the key of the sessions. None is logged."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from edge.errors import StateError
from edge.state import read_file, replace_file

# Without the letters and digits that are easily confused: i l 1, o 0.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS = (4, 4, 2)
_SHORTEST_CODE = 8  # letters and digits of a code that a person chose
_LONGEST_CODE = 64  # characters of it
_SECRET_BYTES = 32


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


def login_secret(folder: Path) -> bytes:
    """Return the random half of the logins' key, made at the first start. Raises StateError."""
    path = folder / "login-secret"
    kept = read_file(path)
    if len(kept) == _SECRET_BYTES:
        return kept
    replace_file(path, secrets.token_bytes(_SECRET_BYTES))
    return read_file(path)
