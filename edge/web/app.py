"""The web application: which address answers what. The parts are in the modules beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from edge import __version__
from edge.datatypes import LedState, Report, Scene
from edge.latest import Latest
from edge.palette import UNCERTAIN, Rgb, colour_of
from edge.web import events, stream
from edge.web.lettering import ink_on
from edge.web.seats import Seats
from edge.web.stream import JpegFeed

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Without it any page of the web, open on a phone in this house, could show the live picture.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_RETRY_AFTER_S = 5
_MAX_BODY_BYTES = 16 * 1024
_MAX_NAME_LENGTH = 32  # of a viewer; the page makes up its own


def create_app(
    *,
    scenes: Latest[Scene],
    report: Callable[[], Report],
    leds: Callable[[], LedState | None],
    labels: Sequence[str],
    feed: JpegFeed,
    version: str = __version__,
) -> Flask:
    """Return the application. `report` and `leds` are called for each answer and must not block.

    `labels` are the expressions in the order of the bars; the streams end when `scenes` closes.
    """
    app = Flask("edge.web")
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.after_request(_add_headers)
    app.register_error_handler(HTTPException, _refuse)
    listeners = Seats(feed.seats.limit)

    def status() -> dict[str, Any]:
        state = leds()
        return {
            **report().to_dict(),
            "leds": None if state is None else state.to_dict(),
            "viewers": len(feed.seats),
            "version": version,
        }

    def status_for(viewer: str) -> dict[str, Any]:
        return {**status(), "watching": viewer in feed.seats}

    @app.get("/")
    def page() -> str:
        return render_template("index.html", labels=labels, version=version)

    @app.get("/palette.css")
    def palette() -> Response:
        return Response(_palette_css(labels), mimetype="text/css")

    @app.get("/stream.mjpg")
    def live_picture() -> Response:
        return _seated(feed.seats, _viewer(), feed.parts, stream.MIMETYPE)

    @app.get("/snapshot.jpg")
    def snapshot() -> Response:
        return Response(feed.picture(), mimetype="image/jpeg")

    @app.get("/api/status")
    def api_status() -> Response:
        return _json(status())

    @app.get("/events")
    def live_status() -> Response:
        viewer = _viewer()
        tell = partial(events.event_stream, partial(status_for, viewer), lambda: scenes.closed)
        return _seated(listeners, viewer, tell, events.MIMETYPE)

    @app.get("/healthz")
    def healthz() -> Response:
        health = report().health
        if health.healthy:
            return Response("ok\n", mimetype="text/plain")
        reason = " ".join(f"{health.camera}: {health.detail}".split())
        return Response(f"{reason}\n", 503, mimetype="text/plain")

    return app


def _viewer() -> str:
    """Return the name a page gave itself, so that it can be told whether its picture still runs."""
    return request.args.get("viewer", "")[:_MAX_NAME_LENGTH]


def _seated(seats: Seats, viewer: str, body: Callable[[], Any], content_type: str) -> Response:
    """Return an endless answer to a viewer who holds a seat for as long, or 503 without a seat."""
    if not seats.take(viewer):
        text = f"All {seats.limit} places are taken. Close the page elsewhere, or try again soon.\n"
        return Response(text, 503, {"Retry-After": str(_RETRY_AFTER_S)}, mimetype="text/plain")
    response = Response(body(), content_type=content_type)
    # Not in the generator's own `finally`: that never runs when the viewer left before it began.
    response.call_on_close(partial(seats.leave, viewer))
    return response


def _palette_css(labels: Sequence[str]) -> str:
    """Return a rule for each label, and one for none, that sets --colour and the --ink on it."""
    rules = [_rule(":root, [data-label]", UNCERTAIN)]
    rules += [_rule(f'[data-label="{label}"]', colour_of(label)) for label in labels]
    return "\n".join(rules) + "\n"


def _rule(selector: str, colour: Rgb) -> str:
    return f"{selector} {{ --colour: {_css(colour)}; --ink: {_css(ink_on(colour))}; }}"


def _css(colour: Rgb) -> str:
    return "#" + bytes(colour).hex()


def _add_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _refuse(error: HTTPException) -> Response:
    """Answer an error in one line of JSON, with the headers (Allow, say) that it brings."""
    text = {"error": f"{error.code} {error.name}: {request.method} {request.path}"}
    response = _json(text)
    response.status_code = error.code or 500
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _json(values: dict[str, Any]) -> Response:
    return Response(json.dumps(values) + "\n", mimetype="application/json")
