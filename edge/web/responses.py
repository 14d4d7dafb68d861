"""What all answers have in common: the headers that fence the page in, and how errors read."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from edge.config.hostnames import is_loopback
from edge.web.server.defect_log import Faults

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
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
_UNUSED = ("camera", "microphone", "geolocation", "payment", "usb", "serial", "midi")
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Without it any page of the web, open on a phone in this house, could show the live picture.
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: the login form would then come from the origin "null".
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED),
}


def speak_with_one_voice(app: Flask) -> None:
    """Give every answer of `app` the headers, and every error one shape."""
    app.after_request(_add_headers)
    app.register_error_handler(HTTPException, _refuse)
    faults = Faults()

    # Flask's own way logs the path as it came, line breaks and all, once for each request.
    @app.errorhandler(Exception)
    def fail(exc: Exception) -> Response:
        faults.tell(f"{request.method} {request.path}", exc)
        return _refuse(InternalServerError())


def as_json(values: Any, status: int = 200) -> Response:
    """Return the values as an answer in JSON, one line."""
    return Response(json.dumps(values) + "\n", status, mimetype="application/json")


def wants_page() -> bool:
    """Whether somebody looks at the answer in a browser's window."""
    accepted = request.headers.get("Accept", "")
    return "text/html" in accepted and not request.path.startswith("/api/")


def _add_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    if request.is_secure or is_loopback(urlsplit(f"//{request.host}").hostname or ""):
        # Elsewhere browsers complain in the console that they do not heed it.
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _refuse(error: HTTPException) -> Response:
    """Answer an error in one line of JSON, or as a small page, with the headers it brings."""
    code = error.code or 500
    own_words = error.description if error.description != type(error).description else None
    if wants_page():
        text = render_template("refusal.html", code=code, name=error.name, reason=own_words)
        response = Response(text, code, mimetype="text/html")
    else:
        asked = f"{code} {error.name}: {request.method} {request.path}"
        response = as_json({"error": f"{asked}: {own_words}" if own_words else asked}, code)
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response
