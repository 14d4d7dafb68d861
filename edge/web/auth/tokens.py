"""Tokens for dashboards and programs: each has a name and one purpose, and can be revoked.

Only their hashes are kept. `emotion-edge tokens` changes the file. A running device reads it again
when it has changed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from edge.errors import StateError, UsageError
from edge.state import KeptFile

log = logging.getLogger(__name__)

Purpose = Literal["view", "metrics"]
PURPOSES: tuple[Purpose, ...] = ("view", "metrics")

TOKENS_FILE = "access-tokens"
"""The name of their file in the state folder."""

_TOKEN_BYTES = 16  # 128 bits: no rate limit is needed
_MOST_TOKENS = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_HASH = re.compile(r"[0-9a-f]{64}")


class _Token(NamedTuple):
    purpose: Purpose
    sha256: str


class AccessTokens:
    """The tokens of one device, by name; callable from any thread."""

    def __init__(self, file: KeptFile) -> None:
        self._file = file
        self._identity: tuple[int, int, int] | None = None
        self._tokens: Mapping[str, _Token] = {}

    def accepts(self, token: str, purpose: Purpose) -> bool:
        """Whether this token is in force for this purpose."""
        given = _hash(token)
        found = [
            hmac.compare_digest(given, kept.sha256) and kept.purpose == purpose
            for kept in self._present().values()
        ]
        return any(found)

    def purposes(self) -> dict[str, Purpose]:
        """Return the purpose of each token by its name. Raises StateError."""
        return {name: token.purpose for name, token in self._read().items()}

    def add(self, name: str, purpose: Purpose) -> str:
        """Make a token, which is shown only now, and return it. Raises UsageError, StateError."""
        tokens = self._read()
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"the name {name[:40]!r}: expected 1 to 32 letters, digits, dots, dashes or "
                "underscores, a letter or digit first"
            )
        if name in tokens:
            raise UsageError(f"there is a token {name!r} already: remove it first with --remove")
        if len(tokens) >= _MOST_TOKENS:
            raise UsageError(f"there are {_MOST_TOKENS} tokens already: remove one with --remove")
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._write({**tokens, name: _Token(purpose, _hash(token))})
        return token

    def remove(self, name: str) -> None:
        """Revoke a token: it ends what runs with it. Raises UsageError, StateError."""
        tokens = self._read()
        if name not in tokens:
            known = ", ".join(tokens) or "none"
            raise UsageError(f"there is no token {name[:40]!r}; there are: {known}")
        self._write({other: token for other, token in tokens.items() if other != name})

    def _present(self) -> Mapping[str, _Token]:
        """Return the tokens in force; those known last while the file cannot be read."""
        identity = self._identity_now()
        if identity != self._identity:
            try:
                self._tokens = self._read()
            except StateError as exc:
                log.warning("web: cannot read the tokens: %s", exc)
            self._identity = identity
        return self._tokens

    def _identity_now(self) -> tuple[int, int, int] | None:
        try:
            found = self._file.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> dict[str, _Token]:
        content = self._file.read()
        try:
            return _parsed(json.loads(content or b"{}"))
        except (ValueError, RecursionError) as exc:
            raise StateError(
                f"{self._file.path}: not what `emotion-edge tokens` writes; delete the file, "
                "which revokes every token"
            ) from exc

    def _write(self, tokens: Mapping[str, _Token]) -> None:
        kept = {name: token._asdict() for name, token in tokens.items()}
        self._file.write(json.dumps(kept, indent=1).encode())


def _parsed(kept: Any) -> dict[str, _Token]:
    """Return the tokens in a JSON object. Raises ValueError for anything else."""
    try:
        tokens = {name: _Token(**fields) for name, fields in kept.items()}
    except (AttributeError, TypeError) as exc:
        raise ValueError("not an object of tokens") from exc
    for name, token in tokens.items():
        is_whole = isinstance(token.sha256, str) and _HASH.fullmatch(token.sha256)
        if not (_NAME.fullmatch(name) and is_whole and token.purpose in PURPOSES):
            raise ValueError("not a token")
    return tokens


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
