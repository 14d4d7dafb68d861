"""What every request has to get past before an address answers it.

In this order: the name we are called by, the credentials, and for a write the proof that our own
page sent it. Whatever is not named here as public is not, an address added tomorrow included.
"""

from __future__ import annotations

from functools import partial

from flask import Flask, g, redirect, request, url_for
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    MisdirectedRequest,
    TooManyRequests,
    Unauthorized,
)
from werkzeug.wrappers import Response as AnyResponse

from edge.web.auth.access_code import Access, Door

WRITE_HEADER = "X-Emotion-Edge"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_PUBLIC = frozenset({"login", "log_in", "healthz"})
# In the static folder: what the login page is made of, and what a phone asks for, cookie or not,
# to put the page on its home screen.
LOGIN_ASSETS = frozenset(
    {
        *("style.css", "favicon.svg", "manifest.webmanifest"),
        *("icon-180.png", "icon-192.png", "icon-512.png", "icon-maskable-512.png"),
    }
)


def guard(app: Flask, access: Access) -> None:
    """Put the guard before every address of `app`."""

    @app.before_request
    def refuse_or_let_in() -> AnyResponse | None:
        _check_host(access)
        door = access.door
        g.is_welcome = _always
        if door is None:
            _check_write()
            return None
        if _is_public():
            return None
        code = _bearer_code()
        if code is not None:
            _check_bearer(door, code)
            g.is_welcome = partial(door.is_right, code)
            return None
        token = request.cookies.get(door.cookie(secure=request.is_secure), "")
        if not door.admits(token):
            return _turn_away()
        g.is_welcome = partial(door.admits, token)
        _check_write()
        return None


def check_origin() -> None:
    """Refuse a form that a page of somebody else sent. Raises Forbidden.

    What proves that it is ours: a browser's `Sec-Fetch-Site: same-origin`, which no page can set
    and which browsers send over https and to loopback only; else an Origin equal to the Host,
    which a proxy may have replaced by its own. A request that names no origin at all is not a
    browser's. X-Forwarded-Host proves nothing: any client can send it.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site == "same-origin":
        return
    origin = request.headers.get("Origin")
    if site != "none" or (origin is not None and not _is_origin_of(origin, _host())):
        raise Forbidden(
            "this form was sent from elsewhere; if a proxy is in between, it must pass the Host "
            "header on (nginx: proxy_set_header Host $http_host;)"
        )


def _is_origin_of(origin: str, host: str) -> bool:
    """Whether a page of `origin` was asked for under `host`, a Host header's value.

    Compared as text: an origin is a scheme and what a Host header holds, nothing more. Either may
    name the scheme's own port.
    """
    scheme, _, place = origin.lower().partition("://")
    port = _DEFAULT_PORTS.get(scheme, "")
    return place.removesuffix(port) == host.lower().removesuffix(port)


def _check_host(access: Access) -> None:
    host = _host()
    # No browser sends HTTP/1.0, and none leaves Host out: a health checker may.
    if "HTTP_HOST" not in request.environ and request.environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        return
    if not access.hosts.is_well_formed(host):
        raise BadRequest("a Host header with a name or an address is needed")
    if not access.hosts.allows(host):
        raise MisdirectedRequest(
            f"this device is not called {host}; use its address, or add the name to "
            "[web] allowed_hosts"
        )


def _host() -> str:
    return str(request.environ.get("HTTP_HOST", ""))


def _is_public() -> bool:
    if request.endpoint == "static":
        return (request.view_args or {}).get("filename") in LOGIN_ASSETS
    return request.endpoint in _PUBLIC


def _bearer_code() -> str | None:
    """Return the code that came as a bearer token; None when no token came.

    By hand: werkzeug decodes other schemes as well, and raises for what does not decode.
    """
    scheme, _, token = str(request.environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _check_bearer(door: Door, code: str) -> None:
    answer = door.try_code(code, request.remote_addr or "")
    if answer.wait_s:
        raise TooManyRequests("too many wrong access codes; wait", retry_after=answer.wait_s)
    if not answer.admitted:
        raise _unauthorized("wrong access code")


def _turn_away() -> AnyResponse:
    if request.endpoint == "page" and request.method in ("GET", "HEAD"):
        return redirect(url_for("login"), 303)
    raise _unauthorized("the access code is needed: log in, or send it as a bearer token")


def _unauthorized(reason: str) -> Unauthorized:
    return Unauthorized(
        reason, www_authenticate=WWWAuthenticate("bearer", {"realm": "emotion-edge"})
    )


def _check_write() -> None:
    """Refuse a write that our page did not send: no other page can set a header of ours."""
    if request.method in _READS or request.endpoint in ("log_in", "static", None):
        return
    if request.headers.get(WRITE_HEADER) != "1":
        raise Forbidden(f"a write needs the header {WRITE_HEADER}: 1")
    check_origin()
    if request.content_length:
        try:
            request.get_json()  # refuses another type and what is not JSON
        except RecursionError as exc:
            raise BadRequest("nested too deeply") from exc


def _always() -> bool:
    return True
