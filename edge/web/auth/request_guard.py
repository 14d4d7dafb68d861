"""The checks that every request passes before its route is called.

In this order: the host name, the credentials, and for a write the proof that our own page sent it.
A route is public only if it is listed here.
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

from edge.web.auth.authenticator import Access, Authenticator

WRITE_HEADER = "X-Emotion-Edge"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_PUBLIC = frozenset({"login", "log_in", "healthz"})
# Static files of the login page, and those that a phone fetches without a cookie to put the page
# on its home screen.
LOGIN_ASSETS = frozenset(
    {
        *("style.css", "favicon.svg", "manifest.webmanifest"),
        *("icon-180.png", "icon-192.png", "icon-512.png", "icon-maskable-512.png"),
    }
)


def add_request_guard(app: Flask, access: Access) -> None:
    """Check every request to `app` before its route is called."""

    @app.before_request
    def check_request() -> AnyResponse | None:
        _check_host(access)
        authenticator = access.authenticator
        g.is_authorized = _always
        if authenticator is None:
            _check_write()
            return None
        if _is_public():
            return None
        code = _bearer_code()
        if code is not None:
            _check_bearer(authenticator, code)
            g.is_authorized = partial(authenticator.is_right, code)
            return None
        token = request.cookies.get(authenticator.cookie(secure=request.is_secure), "")
        if not authenticator.accepts(token):
            return _refuse()
        g.is_authorized = partial(authenticator.accepts, token)
        _check_write()
        return None


def check_origin() -> None:
    """Refuse a form that another site's page sent. Raises Forbidden.

    Two headers prove that the form is ours. `Sec-Fetch-Site: same-origin`: no page can set it, and
    browsers send it over https and to loopback only. Or an Origin equal to the Host, which a proxy
    may have replaced by its own. A request without any origin does not come from a browser.
    X-Forwarded-Host proves nothing: any client can send it.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site == "same-origin":
        return
    origin = request.headers.get("Origin")
    if site != "none" or (origin is not None and not _is_origin_of(origin, _host())):
        raise Forbidden(
            "another site sent this form; if a proxy is in between, let it pass the Host header "
            "on (nginx: proxy_set_header Host $http_host;)"
        )


def _is_origin_of(origin: str, host: str) -> bool:
    """Whether `origin` is that of `host`, a Host header's value.

    They are compared as text: an origin is a scheme and the value of a Host header. Either may
    contain the scheme's default port.
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
        raise BadRequest("the request needs a Host header with a name or an address")
    if not access.hosts.allows(host):
        raise MisdirectedRequest(
            f"{host} is not a name of this device; use its address, or add the name to "
            "[web] allowed_hosts"
        )


def _host() -> str:
    return str(request.environ.get("HTTP_HOST", ""))


def _is_public() -> bool:
    if request.endpoint == "static":
        return (request.view_args or {}).get("filename") in LOGIN_ASSETS
    return request.endpoint in _PUBLIC


def _bearer_code() -> str | None:
    """Return the code that was sent as a bearer token, None without one.

    Not with werkzeug: it decodes other schemes as well, and raises when that fails.
    """
    scheme, _, token = str(request.environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _check_bearer(authenticator: Authenticator, code: str) -> None:
    result = authenticator.check_code(code, request.remote_addr or "")
    if result.wait_s:
        raise TooManyRequests("too many wrong access codes; wait", retry_after=result.wait_s)
    if not result.accepted:
        raise _unauthorized("wrong access code")


def _refuse() -> AnyResponse:
    if request.endpoint == "page" and request.method in ("GET", "HEAD"):
        return redirect(url_for("login"), 303)
    raise _unauthorized("access code required: log in, or send it as a bearer token")


def _unauthorized(reason: str) -> Unauthorized:
    return Unauthorized(
        reason, www_authenticate=WWWAuthenticate("bearer", {"realm": "emotion-edge"})
    )


def _check_write() -> None:
    """Refuse a write that our page did not send: another site's page cannot set this header."""
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
