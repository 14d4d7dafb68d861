"""What all responses have in common: the security headers, and the form of errors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from edge.config.hostnames import is_loopback
from edge.web.auth.viewer_links import viewer_token
from edge.web.server.defect_log import DefectLog

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
_UNUSED = ("camera", "microphone", "geolocation", "payment", "usb", "serial", "midi")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Without it any website that is open on a phone in this network could show the live video.
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: the login form would then come from the origin "null".
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED),
}


def add_headers_and_errors(app: Flask, frame_ancestors: Sequence[str] = ()) -> None:
    """Add the headers to every response of `app`, and give all errors the same form.

    Pages of the origins `frame_ancestors` may embed ours.
    """
    origins = " ".join(frame_ancestors) or "'none'"
    framing = {"Content-Security-Policy": f"{_POLICY}; frame-ancestors {origins}"}
    if not frame_ancestors:
        framing["X-Frame-Options"] = "DENY"  # it cannot name an origin

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.update(framing)
        return _add_headers(response)

    app.register_error_handler(HTTPException, _refuse)
    defects = DefectLog()

    # Flask itself logs the path unescaped, with line breaks, once for each request.
    @app.errorhandler(Exception)
    def fail(exc: Exception) -> Response:
        defects.add(f"{request.method} {request.path}", exc)
        return _refuse(InternalServerError())


def as_json(values: Any, status: int = 200) -> Response:
    """Return the values as a JSON response of one line."""
    return Response(json.dumps(values) + "\n", status, mimetype="application/json")


def wants_page() -> bool:
    """Whether a browser shows the response as a page."""
    accepted = request.headers.get("Accept", "")
    return "text/html" in accepted and not request.path.startswith("/api/")


def _add_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    if viewer_token() is not None:
        # The address is a secret. It is meant for pages of other origins, which show the video.
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if request.is_secure or is_loopback(urlsplit(f"//{request.host}").hostname or ""):
        # Elsewhere browsers ignore it and warn in the console.
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _refuse(error: HTTPException) -> Response:
    """Return an error as one line of JSON, or as a small page, with its own headers."""
    code = error.code or 500
    reason = error.description if error.description != type(error).description else None
    if wants_page():
        text = render_template("refusal.html", code=code, name=error.name, reason=reason)
        response = Response(text, code, mimetype="text/html")
    else:
        error_text = f"{code} {error.name}: {request.method} {request.path}"
        response = as_json({"error": f"{error_text}: {reason}" if reason else error_text}, code)
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers.add(name, value)
    return response
