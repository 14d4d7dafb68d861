"""Authentication: the access code, the cookie it is exchanged for, and the limit on guessing."""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.forwarded import NO_PROXIES, TrustedProxies
from edge.web.auth.known_clients import KnownClients
from edge.web.auth.rate_limit import RateLimit, plain_address
from edge.web.auth.sessions import Sessions
from edge.web.auth.tokens import AccessTokens

log = logging.getLogger(__name__)

_LONGEST_TRY = 64  # characters of a code that are compared
_MOST_KNOWN = 64


@dataclass(frozen=True, slots=True)
class CodeResult:
    """Whether a code was `accepted`, and for how many seconds no other may be tried."""

    accepted: bool
    wait_s: int = 0


class Authenticator:
    """Checks access codes and session tokens. `code` is called for each check: it may change.

    An address over its limit is refused even with the right code; otherwise guessing would go on.
    The limits over many addresses do not apply to addresses that sent the right code since the
    start: a flood must not lock out a machine that sends a request every few seconds.
    """

    def __init__(
        self, code: Callable[[], str], sessions: Sessions, rate_limit: RateLimit | None = None
    ) -> None:
        self._code = code
        self._sessions = sessions
        self._rate_limit = RateLimit() if rate_limit is None else rate_limit
        self._lock = threading.Lock()
        self._known: dict[str, None] = {}

    def check_code(self, code: str, address: str) -> CodeResult:
        """Check a code that came from `address`."""
        client = plain_address(address)
        with self._lock:  # two tries at once are two tries
            wait_s = self._rate_limit.wait_s(address, trusted=client in self._known)
            if wait_s:
                return CodeResult(False, wait_s)
            if not self.is_right(code):
                self._rate_limit.note_wrong(address)
                if self._rate_limit.wait_s(address, trusted=True):
                    log.warning("web: too many wrong access codes from %s", client)
                return CodeResult(False)
            self._known.pop(client, None)
            self._known[client] = None
            if len(self._known) > _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            return CodeResult(True)

    def cookie(self, *, secure: bool, at_root: bool = True) -> str:
        """Return the name of the cookie for this device's tokens; over https it is `secure`.

        `at_root` is false below the path prefix of a proxy.
        """
        return self._sessions.cookie(_plain(self._code()), secure=secure, at_root=at_root)

    def issue(self, code: str) -> str:
        """Return a session token for `code`; it is invalid once the code is replaced."""
        return self._sessions.issue(_plain(code))

    def accepts(self, token: str) -> bool:
        """Whether this device issued the token for the present code, and it has not ended."""
        return self._sessions.accepts(token, _plain(self._code()))

    def end(self, token: str) -> None:
        """Refuse this token from now on."""
        self._sessions.end(token, _plain(self._code()))

    def is_right(self, code: str) -> bool:
        """Whether this is the present code; does not count as a try."""
        given, right = _plain(code[:_LONGEST_TRY]), _plain(self._code())
        return hmac.compare_digest(given.encode(), right.encode())


@dataclass(frozen=True, slots=True)
class Access:
    """The host names that are allowed, and the authenticator; None: no code is needed.

    `frame_ancestors` are the origins whose pages may embed ours, as in a Content-Security-Policy;
    `proxies` are the reverse proxies that are believed, `known` the clients that are logged in.
    """

    hosts: AllowedHosts
    authenticator: Authenticator | None
    tokens: AccessTokens | None = None
    frame_ancestors: tuple[str, ...] = ()
    proxies: TrustedProxies = NO_PROXIES
    known: KnownClients = field(default_factory=KnownClients)

    @property
    def auth(self) -> Literal["code", "none"]:
        """The value of [web] auth."""
        return "none" if self.authenticator is None else "code"


def _plain(code: str) -> str:
    """Return a code as it is compared: case, spaces and dashes do not count."""
    return "".join(c for c in code.lower() if c.isalnum())
