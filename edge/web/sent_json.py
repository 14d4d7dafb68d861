"""Reads the JSON of requests; what is nested too deeply is malformed, not a defect."""

from __future__ import annotations

from typing import Any

from flask.json.provider import DefaultJSONProvider


class SentJson(DefaultJSONProvider):
    """Flask's own JSON, whose `request.get_json` would let a RecursionError pass."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value of a JSON text. Raises ValueError."""
        try:
            return super().loads(s, **kwargs)
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc
