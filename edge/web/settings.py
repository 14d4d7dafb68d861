"""The route of the owner's settings, which change while the device runs."""

from __future__ import annotations

from typing import Any, Protocol

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, ServiceUnavailable

from edge.errors import EdgeError
from edge.web.responses import as_json


class Settings(Protocol):
    """The owner's settings."""

    @property
    def version(self) -> int:
        """A number that grows with each change."""
        ...

    def get(self) -> dict[str, Any]:
        """Return the values in force, where they come from, and what may be chosen."""
        ...

    def change(self, changes: Any) -> None:
        """Set some values. Raises ValueError for wrong ones, EdgeError if they cannot be kept."""
        ...


class NoSettings:
    """The settings of a device whose owner can change none."""

    version = 0

    def get(self) -> dict[str, Any]:
        """Return nothing."""
        return {"values": {}, "from": {}, "configured": {}, "privacy_modes": []}

    def change(self, changes: Any) -> None:  # noqa: ARG002 (the Protocol's)
        """Refuse every change."""
        raise ValueError("this device has no settings to change")


NO_SETTINGS = NoSettings()


def add_settings(app: Flask, settings: Settings) -> None:
    """Add the routes of `/api/settings`."""

    @app.get("/api/settings")
    def read_settings() -> Response:
        return as_json(settings.get())

    @app.post("/api/settings")
    def change_settings() -> Response:
        try:
            settings.change(request.get_json(silent=True))
        except EdgeError as exc:
            raise ServiceUnavailable(f"the settings cannot be kept: {exc}") from exc
        except ValueError as exc:
            raise BadRequest(str(exc)) from exc
        return as_json(settings.get())
