"""Reads numbers from the query of a request."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import BadRequest


def number_of(name: str, default: int, least: int, most: int) -> int:
    """Return the query's number of that name. Raises BadRequest when it is not in its range."""
    text = request.args.get(name, str(default))
    # The length is checked first: int() is slow for a million digits.
    if text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most:
        return int(text)
    allowed = str(least) if least == most else f"a whole number from {least} to {most}"
    raise BadRequest(f"{name} = {text[:20]!r}: expected {allowed}")
