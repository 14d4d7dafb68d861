"""The access code in an Authorization header, and the challenge that asks for it."""

from __future__ import annotations

import base64
import binascii

from flask import request
from werkzeug.datastructures import WWWAuthenticate

# What recorders, media players and dashboards ask for. Elsewhere Basic authentication is ignored: a
# proxy that has its own passes the header on, and its password must not count as a wrong code.
FOR_PROGRAMS = frozenset(
    {
        *("live_video", "snapshot", "api_status", "pause", "resume", "live_status"),
        *("api_history", "api_history_csv", "api_history_json", "metrics"),
        "ignored_regions",
    }
)
_REALM = "emotion-edge"


def bearer_code() -> str | None:
    """Return the code that was sent as a bearer token, None without one.

    Not with werkzeug: it decodes other schemes as well, and raises when that fails.
    """
    scheme, token = _authorization()
    return token if scheme == "bearer" else None


def basic_code() -> str | None:
    """Return the password of Basic authentication (RFC 7617), None where none counts.

    The user name may be any. A header that cannot be decoded has an empty password.
    """
    scheme, token = _authorization()
    if scheme != "basic" or request.endpoint not in FOR_PROGRAMS:
        return None
    try:
        text = base64.b64decode(token, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return text.partition(":")[2]


def challenges() -> list[WWWAuthenticate]:
    """Return what a client without credentials is asked for.

    Media players send a password only when they are asked for Basic authentication. Our page is not
    asked: a browser would open its own dialog over it.
    """
    found: list[WWWAuthenticate] = [_Challenge("bearer", {"realm": _REALM})]
    if request.endpoint in FOR_PROGRAMS and not _is_from_page():
        found.insert(0, _Challenge("basic", {"realm": _REALM, "charset": "UTF-8"}))
    return found


class _Challenge(WWWAuthenticate):
    """A challenge whose values are all in quotes: RFC 7617 requires them, and players do, too."""

    def to_header(self) -> str:
        values = ", ".join(f'{name}="{value}"' for name, value in self.parameters.items())
        return f"{self.type.title()} {values}"


def _is_from_page() -> bool:
    """Whether a script or an image of our page sent the request.

    Sec-Fetch-Site is sent over https and to loopback only; the others are the page's own marks.
    """
    marks = ("Sec-Fetch-Site", "X-Emotion-Edge")
    return "viewer" in request.args or any(name in request.headers for name in marks)


def _authorization() -> tuple[str, str]:
    header = str(request.environ.get("HTTP_AUTHORIZATION", ""))
    scheme, _, token = header.partition(" ")
    return scheme.lower(), token.strip()
