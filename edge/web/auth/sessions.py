"""Session tokens: the signed cookie that replaces the access code until it expires or is ended."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from itsdangerous import BadData, URLSafeSerializer

LIFETIME_S = 30 * 24 * 3600
_MOST_AHEAD_S = LIFETIME_S
_MOST_ENDED = 1000  # kept; only a client that knows the code can log in and out more often
_NAME = re.compile(r"[0-9a-f]{16}")  # of a token

log = logging.getLogger(__name__)


class Kept(Protocol):
    """A file that survives a restart; both methods raise an OSError that names it."""

    path: Path

    def read(self) -> bytes:
        """Return the content, empty when there is none."""

    def write(self, content: bytes) -> None:
        """Replace the content, all or nothing."""


class Sessions:
    """Issues and checks tokens. Their key depends on the code: a new code ends them all.

    `ended_file` keeps the ended tokens over restarts; None: until the next restart.

    The times are of the wall clock, which may be wrong. A token is accepted while the clock shows
    at most 30 days after it was issued, or at most 30 days before. So a board whose clock is late
    after booting ends no session, and a token that was issued while the clock was ahead is accepted
    for 60 days at most. After a jump of the clock, tokens are refused only until the clock is
    right again; tokens issued in between are valid until then. No token expires while the clock
    stands still.
    """

    def __init__(
        self,
        secret: bytes,
        ended_file: Kept | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret
        self._ended_file = ended_file
        self._clock = clock
        self._lock = threading.Lock()
        self._ended = _read_ended(ended_file)

    def cookie(self, code: str, *, secure: bool, at_root: bool = True) -> str:
        """Return the name of the cookie for tokens issued for `code`.

        Browsers send a cookie to every port of a host name. With a fixed name, two devices behind
        one host name would overwrite each other's cookie. The secret makes the name specific to
        this device, and the code to one of several copies of a memory card. The name for https
        differs from that for http, which may not replace a Secure cookie. The prefixes are defined
        in RFC 6265bis; __Host- requires the path /, so below a proxy's path it is __Secure-.
        """
        own = hmac.digest(self._secret, f"cookie name {code}".encode(), "sha256")[:6].hex()
        prefix = ("__Host-" if at_root else "__Secure-") if secure else ""
        return f"{prefix}emotion-edge-{own}"

    def issue(self, code: str) -> str:
        """Return a new token for `code`."""
        until_s = int(self._clock()) + LIFETIME_S
        return str(self._signed_with(code).dumps([secrets.token_hex(8), until_s]))

    def accepts(self, token: str, code: str) -> bool:
        """Whether the token was issued for `code`, has not expired and was not ended."""
        read = self._read(token, code)
        if read is None or read[0] in self._ended:
            return False
        left_s = read[1] - self._clock()
        return 0 < left_s <= LIFETIME_S + _MOST_AHEAD_S

    def end(self, token: str, code: str) -> None:
        """Refuse this token from now on."""
        read = self._read(token, code)
        if read is None:
            return
        with self._lock:
            # By number, not by time: after a clock was ahead, some would be accepted again.
            ended = {**self._ended, read[0]: read[1]}
            self._ended = dict(list(ended.items())[-_MOST_ENDED:])
            self._write_ended()

    def _read(self, token: str, code: str) -> tuple[str, int] | None:
        try:
            name, until_s = self._signed_with(code).loads(token)
        except BadData:
            return None
        return str(name), int(until_s)

    def _signed_with(self, code: str) -> URLSafeSerializer:
        key = hmac.digest(self._secret, code.encode(), "sha256")
        return URLSafeSerializer(
            key, salt="emotion-edge login", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def _write_ended(self) -> None:
        if self._ended_file is None:
            return
        try:
            self._ended_file.write(json.dumps(self._ended).encode())
        except OSError as exc:
            log.warning(
                "web: cannot save an ended session; it is valid again after a restart: %s", exc
            )


def _read_ended(file: Kept | None) -> dict[str, int]:
    """Return the ended tokens, none when the file cannot be read."""
    if file is None:
        return {}
    try:
        return _parsed(file.read())
    except OSError as exc:
        reason = str(exc)
    except (ValueError, RecursionError):
        reason = f"{file.path}: not the JSON object that the device writes"
    log.warning(
        "web: cannot read the ended sessions, so they are valid again; `emotion-edge code --new` "
        "ends all: %s",
        reason,
    )
    return {}


def _parsed(content: bytes) -> dict[str, int]:
    """Return the names in a JSON object, each with its end in Unix seconds, 0 if unknown.

    Raises ValueError or RecursionError for anything else.
    """
    kept = json.loads(content or b"{}")
    if not isinstance(kept, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 (a wrong value in a file)
    ended = {name: _whole(until_s) for name, until_s in kept.items() if _NAME.fullmatch(name)}
    return dict(list(ended.items())[-_MOST_ENDED:])


def _whole(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0
