"""The cookie that stands for the access code: signed, with an end, and ended by logging out."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer

LIFETIME_S = 30 * 24 * 3600
_MOST_ENDED = 1000  # kept; whoever logs in and out more often than that has the code anyway

log = logging.getLogger(__name__)


class Logins:
    """Issues and recognizes tokens. Their key depends on the code: a new code ends them all.

    `ended_file` remembers who logged out, over restarts; None: until the next one. The times are
    of the wall clock, and only the end of a token counts: on a board whose clock is late after
    booting, one issued "in the future" is as good as any.
    """

    def __init__(
        self,
        secret: bytes,
        ended_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret
        self._ended_file = ended_file
        self._clock = clock
        self._lock = threading.Lock()
        self._ended = _read_ended(ended_file)

    def cookie(self, code: str, *, secure: bool) -> str:
        """Return the name of the cookie for tokens issued under `code`.

        Browsers send a cookie to every port of a host name, so a fixed name would make two
        devices behind one name overwrite each other's. The secret makes it this device's own, the
        code tells copies of one memory card apart, and https has another name than http, which
        may not replace a Secure cookie. The prefix is RFC 6265bis's.
        """
        own = hmac.digest(self._secret, f"cookie name {code}".encode(), "sha256")[:6].hex()
        return f"{'__Host-' if secure else ''}emotion-edge-{own}"

    def issue(self, code: str) -> str:
        """Return a new token for somebody who knew `code`."""
        until_s = int(self._clock()) + LIFETIME_S
        return str(self._signed_with(code).dumps([secrets.token_hex(8), until_s]))

    def admits(self, token: str, code: str) -> bool:
        """Whether the token was issued under `code`, has not run out and was not ended."""
        read = self._read(token, code)
        return read is not None and read[1] > self._clock() and read[0] not in self._ended

    def end(self, token: str, code: str) -> None:
        """Refuse this token from now on."""
        read = self._read(token, code)
        if read is None:
            return
        with self._lock:
            # By number, not by time: a clock that was ahead would have some admitted again.
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
        beside = self._ended_file.with_suffix(".new")
        try:
            beside.write_text(json.dumps(self._ended), "utf-8")
            beside.replace(self._ended_file)
        except OSError as exc:
            log.warning("web: cannot note who logged out: %s", exc)


def _read_ended(path: Path | None) -> dict[str, int]:
    try:
        kept = {} if path is None else json.loads(path.read_text("utf-8"))
        return {str(name): int(until_s) for name, until_s in kept.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as exc:
        log.warning("web: cannot read who logged out: %s", exc)
        return {}
