"""The route of the ignored regions, which the owner draws on the page."""

from __future__ import annotations

from typing import Any, Protocol

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, ServiceUnavailable

from edge.errors import EdgeError
from edge.web.responses import as_json


class Regions(Protocol):
    """The regions, each [x1, y1, x2, y2] in shares of the frame."""

    def get(self) -> list[list[float]]:
        """Return all regions."""
        ...

    def set(self, values: Any) -> None:
        """Replace them. Raises ValueError for wrong ones, EdgeError if they cannot be kept."""
        ...


class NoRegions:
    """The regions of a device that keeps none."""

    def get(self) -> list[list[float]]:
        """Return no region."""
        return []

    def set(self, values: Any) -> None:  # noqa: ARG002 (the Protocol's)
        """Refuse every region."""
        raise ValueError("this device keeps no regions")


NO_REGIONS = NoRegions()


def add_regions(app: Flask, regions: Regions) -> None:
    """Add the routes of `/api/ignored-regions`."""

    @app.get("/api/ignored-regions")
    def ignored_regions() -> Response:
        return as_json({"regions": regions.get()})

    @app.post("/api/ignored-regions")
    def ignore_regions() -> Response:
        sent = request.get_json(silent=True)
        if not isinstance(sent, dict) or set(sent) != {"regions"}:
            raise BadRequest('expected a JSON object {"regions": [[x1, y1, x2, y2], ...]}')
        try:
            regions.set(sent["regions"])
        except EdgeError as exc:
            raise ServiceUnavailable(f"the regions cannot be kept: {exc}") from exc
        except ValueError as exc:
            raise BadRequest(str(exc)) from exc
        return as_json({"regions": regions.get()})
