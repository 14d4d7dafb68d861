"""Viewer links: /view/TOKEN/ shows the page and the video to whom the owner gave the link.

For dashboards that can send no header and no cookie. All links of the page are relative, so that
what it requests is below the same address and carries the same token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import request

# What a link shows; nothing that changes the device, and no download.
VIEWABLE = frozenset(
    {
        *("page", "palette", "static", "live_video", "snapshot"),
        *("api_status", "live_status", "api_history"),
    }
)
_LINK = re.compile(r"/view/([A-Za-z0-9_-]{1,64})(/.*)?", re.DOTALL)
_TOKEN = "emotion_edge.viewer_token"  # noqa: S105 (the name of a key)
_ADDRESS = re.compile(r"(/view/)[^/?#\s]+")


class ViewerLinks:
    """WSGI middleware that moves the beginning of a viewer link from the path to the root."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        environ.pop(_TOKEN, None)
        if match := _LINK.fullmatch(environ.get("PATH_INFO", "")):
            token, rest = match.groups()
            environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/view/{token}"
            environ["PATH_INFO"] = rest or ""
            environ[_TOKEN] = token
        return self._app(environ, start_response)


def viewer_token() -> str | None:
    """Return the token of the viewer link that was requested, None for another address."""
    token: Any = request.environ.get(_TOKEN)
    return None if token is None else str(token)


def without_token(address: str) -> str:
    """Return an address for the log: a token in it is left out."""
    return _ADDRESS.sub(r"\1...", address)
