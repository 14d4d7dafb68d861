"""Relative addresses: the page works below any path that a proxy puts before it."""

from __future__ import annotations

from typing import Any

from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse


def add_links(app: Flask) -> None:
    """Give the templates `link`, and redirect an address whose last slash is missing."""
    app.jinja_env.globals["link"] = link

    @app.before_request
    def complete_root() -> AnyResponse | None:
        if request.environ.get("PATH_INFO") or not request.script_root:
            return None
        return redirect(f"{request.script_root.rpartition('/')[2]}/", 308)


def link(endpoint: str, **values: Any) -> str:
    """Return the address of a route, relative to the address that was requested."""
    address = url_for(endpoint, **values).removeprefix(request.script_root).removeprefix("/")
    return "../" * (request.path.count("/") - 1) + address or "./"
