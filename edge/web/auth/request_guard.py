"""The checks that every request passes before its route is called.

In this order: the host name, the credentials, and for a write the proof that our own page sent it.
A route is public only if it is listed here. The credentials are a viewer link, a bearer token, the
cookie of a session, or Basic authentication, in this order.
"""

from __future__ import annotations

from functools import partial

from flask import Flask, g, redirect, request
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    MisdirectedRequest,
    TooManyRequests,
    Unauthorized,
)
from werkzeug.wrappers import Response as AnyResponse

from edge.web.auth.authenticator import Access, Authenticator
from edge.web.auth.credentials import basic_code, bearer_code, challenges
from edge.web.auth.viewer_links import VIEWABLE, viewer_token
from edge.web.links import link

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
        if (token := viewer_token()) is not None:
            _check_viewer(access, token)
            access.known.note(request.remote_addr or "")
        elif authenticator is None:
            _check_write()
        elif not _is_public():
            refusal = _check_credentials(access, authenticator)
            if refusal is None:
                access.known.note(request.remote_addr or "")
            return refusal
        return None


def check_origin() -> None:
    """Refuse a form that another site's page sent. Raises Forbidden.

    Two headers prove that the form is ours. `Sec-Fetch-Site: same-origin`: no page can set it, and
    browsers send it over https and to loopback only. Or an Origin equal to the Host, which a proxy
    may have replaced by its own. A request without any origin does not come from a browser.
    X-Forwarded-Host counts only from a trusted proxy, see forwarded.py: any client can send it.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site == "same-origin":
        return
    origin = request.headers.get("Origin")
    if site != "none" or (origin is not None and not _is_origin_of(origin, _host())):
        raise Forbidden(
            "another site sent this form; if a proxy is in between, let it pass the Host header "
            "on (nginx: proxy_set_header Host $http_host;), or add it to [web] trusted_proxies"
        )


def cookie_name(authenticator: Authenticator) -> str:
    """Return the name of the session's cookie for the address that was requested."""
    return authenticator.cookie(secure=request.is_secure, at_root=not request.script_root)


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


def _check_viewer(access: Access, token: str) -> None:
    """Refuse what a viewer link does not show, and a link that was revoked."""
    if access.authenticator is not None:
        if access.tokens is None or not access.tokens.accepts(token, "view"):
            raise Unauthorized("this link is not valid; it may have been revoked")
        g.is_authorized = partial(access.tokens.accepts, token, "view")
    if request.endpoint not in VIEWABLE | {None} or request.method not in _READS:
        raise Forbidden("a viewer link shows the page and the video only")


def _check_credentials(access: Access, authenticator: Authenticator) -> AnyResponse | None:
    """Refuse a request without valid credentials; a browser is sent to the login page."""
    if _has_metrics_token(access):
        return None
    if (code := bearer_code()) is not None:
        _check_code(authenticator, code)
        return None
    token = request.cookies.get(cookie_name(authenticator), "")
    if authenticator.accepts(token):
        g.is_authorized = partial(authenticator.accepts, token)
    elif (code := basic_code()) is not None:
        _check_code(authenticator, code)
    else:
        return _refuse()
    _check_write()  # a browser repeats a cookie and a password for every site's page
    return None


def _has_metrics_token(access: Access) -> bool:
    """Whether a program asks for the metrics, with a token for these."""
    if request.endpoint != "metrics" or access.tokens is None:
        return False
    given = [token for token in (bearer_code(), basic_code()) if token]
    return any(access.tokens.accepts(token, "metrics") for token in given)


def _check_code(authenticator: Authenticator, code: str) -> None:
    g.is_authorized = partial(authenticator.is_right, code)
    result = authenticator.check_code(code, request.remote_addr or "")
    if result.wait_s:
        raise TooManyRequests("too many wrong access codes; wait", retry_after=result.wait_s)
    if not result.accepted:
        raise _unauthorized("wrong access code")


def _refuse() -> AnyResponse:
    if request.endpoint == "page" and request.method in ("GET", "HEAD"):
        return redirect(link("login"), 303)
    raise _unauthorized("access code required: log in, or send it as a bearer token or password")


def _unauthorized(reason: str) -> Unauthorized:
    return Unauthorized(reason, www_authenticate=challenges())


def _check_write() -> None:
    """Refuse a write that our page did not send: another site's page cannot set this header."""
    if request.method in _READS or request.endpoint in ("log_in", "static", None):
        return
    if request.headers.get(WRITE_HEADER) != "1":
        raise Forbidden(f"a write needs the header {WRITE_HEADER}: 1")
    check_origin()
    if request.content_length:
        request.get_json()  # refuses another type and what is not JSON


def _always() -> bool:
    return True
