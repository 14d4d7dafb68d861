"""The route of the metrics, in Prometheus' format."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request


def add_metrics(app: Flask, render: Callable[[str], tuple[bytes, str]]) -> None:
    """Add the route `/metrics`.

    `render` gets the request's Accept header, and returns the text and its type; it must not block.
    """

    @app.get("/metrics")
    def metrics() -> Response:
        text, content_type = render(request.headers.get("Accept", ""))
        return Response(text, content_type=content_type)


def no_metrics(accept: str) -> tuple[bytes, str]:  # noqa: ARG001 (what `add_metrics` calls)
    """Return the text of a device that counts nothing."""
    return b"", "text/plain; version=0.0.4; charset=utf-8"
