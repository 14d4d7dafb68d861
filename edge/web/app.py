"""The web application: its routes. Their parts are in the other modules of this package."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import ServiceUnavailable

from edge import __version__
from edge.datatypes import LedState, Report
from edge.latest import Latest
from edge.palette import UNCERTAIN, Rgb, colour_of
from edge.web import events, stream
from edge.web.auth.authenticator import Access
from edge.web.auth.forwarded import Forwarded
from edge.web.auth.login import add_login
from edge.web.auth.rate_limit import client_of
from edge.web.auth.request_guard import add_request_guard
from edge.web.auth.viewer_links import ViewerLinks, viewer_token
from edge.web.first_minute import NO_FIRST_MINUTE, FirstMinute, add_first_minute
from edge.web.history import History, add_history
from edge.web.history_download import add_downloads
from edge.web.links import add_links
from edge.web.metrics import add_metrics, no_metrics
from edge.web.placeholder import MAX_AGE_S
from edge.web.regions import NO_REGIONS, Regions, add_regions
from edge.web.responses import add_headers_and_errors, as_json
from edge.web.sent_json import SentJson
from edge.web.settings import NO_SETTINGS, Settings, add_settings
from edge.web.stream import JpegFeed
from edge.web.text_drawing import ink_on
from edge.web.viewer_limit import ViewerLimit

_RETRY_AFTER_S = 5
_RECHECK_S = 1.0
_MAX_BODY_BYTES = 16 * 1024
_START_OF_JPEG = b"\xff\xd8"
_MAX_NAME_LENGTH = 32  # of a viewer; the page chooses a random one
_MAX_NAMES = 8  # of the windows that share an event stream

Part = TypeVar("Part", str, bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What the page can do to the device; each may be called twice."""

    pause: Callable[[], None]
    resume: Callable[[], None]


def create_app(
    *,
    reports: Latest[Report],
    report: Callable[[], Report],
    leds: Callable[[], LedState | None],
    labels: Sequence[str],
    feed: JpegFeed,
    access: Access,
    controls: Controls,
    history: History,
    metrics: Callable[[str], tuple[bytes, str]] = no_metrics,
    regions: Regions = NO_REGIONS,
    first_minute: FirstMinute = NO_FIRST_MINUTE,
    settings: Settings = NO_SETTINGS,
    version: str = __version__,
) -> Flask:
    """Return the application. `report` and `leds` are called for each response and must not block.

    `labels` are the expressions in the order of the bars. Events follow `reports` and end with it.
    `metrics` gets an Accept header and returns the text for Prometheus and its type.
    """
    app = Flask("edge.web")
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.json = SentJson(app)
    in_links = ViewerLinks(app.wsgi_app)
    app.wsgi_app = Forwarded(in_links, access.proxies)  # type: ignore[method-assign]
    add_headers_and_errors(app, access.frame_ancestors)
    add_request_guard(app, access)
    add_links(app)
    add_login(app, access)
    add_history(app, history, labels)
    add_metrics(app, metrics)
    add_regions(app, regions)
    add_first_minute(app, first_minute)
    add_settings(app, settings)
    add_downloads(app, history, labels)
    event_viewers = ViewerLimit(feed.viewers.limit)

    def status() -> dict[str, Any]:
        state = leds()
        return {
            **report().to_dict(),
            "leds": None if state is None else state.to_dict(),
            "picture_age_ms": None if (age_s := feed.age_s()) is None else round(age_s * 1000),
            "viewers": len(feed.viewers),
            "version": version,
            "auth": access.auth,
            "privacy": feed.privacy,
            "settings_version": settings.version,
        }

    def status_for(names: Sequence[str]) -> dict[str, Any]:
        running = [name for name in names if name in feed.viewers]
        return {**status(), "watching": bool(running), "watched_as": running}

    @app.get("/")
    def page() -> str:
        return render_template(
            "index.html",
            labels=labels,
            version=version,
            auth=access.auth,
            privacy=feed.privacy,
            is_viewer=viewer_token() is not None,
            greets=first_minute.greeting.is_due and viewer_token() is None,
            has_leds=first_minute.led_test is not None,
            late_ms=round(MAX_AGE_S * 1000),
        )

    @app.get("/palette.css")
    def palette() -> Response:
        return Response(_palette_css(labels), mimetype="text/css")

    @app.get("/stream.mjpg")
    def live_video() -> Response:
        return _for_viewer(feed.viewers, _names()[0], feed.parts, stream.MIMETYPE)

    @app.get("/snapshot.jpg")
    def snapshot() -> Response:
        if feed.privacy == "pixelate":
            return Response(_begun_at_once(feed.current_jpeg), mimetype="image/jpeg")
        jpeg = feed.current_jpeg()
        if jpeg is None:
            raise ServiceUnavailable(
                "no frame can be shown; the device's log says why", retry_after=_RETRY_AFTER_S
            )
        return Response(jpeg, mimetype="image/jpeg")

    @app.get("/api/status")
    def api_status() -> Response:
        return as_json(status())

    @app.post("/api/pause")
    def pause() -> Response:
        controls.pause()
        return as_json(status())

    @app.post("/api/resume")
    def resume() -> Response:
        controls.resume()
        return as_json(status())

    @app.get("/events")
    def live_status() -> Response:
        names = _names()
        tell = partial(events.event_stream, partial(status_for, names), reports)
        return _for_viewer(event_viewers, names[0], tell, events.MIMETYPE)

    @app.get("/healthz")
    def healthz() -> Response:
        health = report().health
        if health.healthy:
            return Response("ok\n", mimetype="text/plain")
        reason = " ".join(": ".join(filter(None, (health.camera, health.detail))).split())
        return Response(f"{reason}\n", 503, mimetype="text/plain")

    return app


def _names() -> list[str]:
    """Return the names that the page chose, so that events can say which streams still run."""
    given = request.args.getlist("viewer")[:_MAX_NAMES] or [""]
    return [name[:_MAX_NAME_LENGTH] for name in given]


def _for_viewer(
    viewers: ViewerLimit,
    viewer: str,
    body: Callable[[], Generator[Part, None, None]],
    content_type: str,
) -> Response:
    """Return an endless response, or 503 when there is no place for a viewer of this client."""
    client = client_of(request.remote_addr or "")
    if request.method == "HEAD" and viewers.has_room_for(client):
        return Response(content_type=content_type)  # and no other viewer loses its place for it
    place = None if request.method == "HEAD" else viewers.add(viewer, client)
    if place is None:
        text = (
            f"Too many viewers, the limit is {viewers.limit}: close the page on another device, "
            "or try again later"
        )
        raise ServiceUnavailable(text, retry_after=_RETRY_AFTER_S)
    parts = _while_allowed(body(), lambda: place.is_lost, g.is_authorized)
    response = Response(parts, content_type=content_type)
    # A proxy would hold back what is sent, or wait for its end in order to compress it.
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["Cache-Control"] = "no-store, no-transform"
    # Not in the generator's `finally`: that never runs when the viewer left before it began.
    response.call_on_close(partial(viewers.remove, place))
    return response


def _begun_at_once(make_jpeg: Callable[[], bytes | None]) -> Iterator[bytes]:
    """Yield a JPEG in two parts: the server closes a connection whose answer begins late."""
    yield _START_OF_JPEG
    yield (make_jpeg() or b"").removeprefix(_START_OF_JPEG)


def _while_allowed(
    parts: Generator[Part, None, None],
    is_lost: Callable[[], bool],
    is_authorized: Callable[[], bool],
) -> Iterator[Part]:
    """Yield the parts until the viewer loses its place or logs out, or the access code changes."""
    checked_at_s = time.monotonic()
    with closing(parts):  # now, not at garbage collection: it counts as a viewer until then
        for part in parts:
            if is_lost():
                return
            if time.monotonic() - checked_at_s >= _RECHECK_S:
                checked_at_s = time.monotonic()
                if not is_authorized():
                    return
            yield part


def _palette_css(labels: Sequence[str]) -> str:
    """Return one rule for each label and one for no label; each sets --colour and --ink."""
    rules = [_rule(":root, [data-label]", UNCERTAIN)]
    rules += [_rule(f'[data-label="{label}"]', colour_of(label)) for label in labels]
    return "\n".join(rules) + "\n"


def _rule(selector: str, colour: Rgb) -> str:
    return f"{selector} {{ --colour: {_css(colour)}; --ink: {_css(ink_on(colour))}; }}"


def _css(colour: Rgb) -> str:
    return "#" + bytes(colour).hex()
