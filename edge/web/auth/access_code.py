"""Who may look: the access code, the cookie it is exchanged for, and the limit on guessing."""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from edge.web.auth.allowed_hosts import Hosts
from edge.web.auth.rate_limit import Attempts, plain_address
from edge.web.auth.sessions import Logins

log = logging.getLogger(__name__)

_LONGEST_TRY = 64  # characters of a code worth looking at
_MOST_KNOWN = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """What a code got: `admitted`, or for how many seconds no other may be tried, 0 for none."""

    admitted: bool
    wait_s: int = 0


class Door:
    """Opens for whoever knows the code. `code` is asked at every try: it may change.

    An address over its limit is refused even with the right code, or guessing would go on. The
    limits over many addresses spare those that showed the right code since the start: a flood
    must not lock out the machine that asks every few seconds.
    """

    def __init__(
        self, code: Callable[[], str], logins: Logins, attempts: Attempts | None = None
    ) -> None:
        self._code = code
        self._logins = logins
        self._attempts = Attempts() if attempts is None else attempts
        self._lock = threading.Lock()
        self._known: dict[str, None] = {}

    def try_code(self, code: str, address: str) -> Answer:
        """Look at a code that somebody at `address` gave."""
        client = plain_address(address)
        with self._lock:  # two tries at once are two tries
            wait_s = self._attempts.wait_s(address, trusted=client in self._known)
            if wait_s:
                return Answer(False, wait_s)
            if not self.is_right(code):
                self._attempts.note_wrong(address)
                if self._attempts.wait_s(address, trusted=True):
                    log.warning("web: too many wrong access codes from %s", client)
                return Answer(False)
            self._known.pop(client, None)
            self._known[client] = None
            if len(self._known) > _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            return Answer(True)

    def cookie(self, *, secure: bool) -> str:
        """Return the name of the cookie for this device's tokens; over https it is `secure`."""
        return self._logins.cookie(_plain(self._code()), secure=secure)

    def issue(self, code: str) -> str:
        """Return a token for somebody who was admitted with `code`, void once that is replaced."""
        return self._logins.issue(_plain(code))

    def admits(self, token: str) -> bool:
        """Whether this token was issued here, under the code in force, and has not ended."""
        return self._logins.admits(token, _plain(self._code()))

    def end(self, token: str) -> None:
        """Refuse this token from now on."""
        self._logins.end(token, _plain(self._code()))

    def is_right(self, code: str) -> bool:
        """Whether this is the code in force; for who was admitted with it already."""
        given, right = _plain(code[:_LONGEST_TRY]), _plain(self._code())
        return hmac.compare_digest(given.encode(), right.encode())


@dataclass(frozen=True, slots=True)
class Access:
    """The names the device answers to and its door; None: it stands open."""

    hosts: Hosts
    door: Door | None

    @property
    def auth(self) -> Literal["code", "none"]:
        """How one gets in, as the settings call it."""
        return "none" if self.door is None else "code"


def _plain(code: str) -> str:
    """Return a code as it is compared: case, spaces and dashes do not count."""
    return "".join(c for c in code.lower() if c.isalnum())
