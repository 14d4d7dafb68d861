"""The history's addresses without the rest of a device."""

from typing import Any

from flask import Flask

from edge.web.history import add_history
from edge.web.history_download import add_downloads
from edge.web.responses import add_headers_and_errors


def app_of(history: Any, **pace: Any) -> Flask:
    app = Flask("history")
    add_headers_and_errors(app)
    add_history(app, history, ("happy", "sad"))
    add_downloads(app, history, ("happy", "sad"), **pace)
    return app
