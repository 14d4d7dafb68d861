"""docs/api.md lists the routes of the web application and the keys of its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from documents import fenced, read, section
from watched import report_of

from edge.config import StreamConfig, load_layers
from edge.datatypes import BBox, FaceState, LedState, Report, Scene, Snapshot
from edge.history.history import History
from edge.latest import Latest
from edge.owner_settings import OwnerSettings
from edge.web.app import Controls, create_app
from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.authenticator import Access
from edge.web.stream import JpegFeed

LABELS = ("happy", "sad")


class Device:
    """The web application of a device that sees one face."""

    def __init__(self) -> None:
        face = FaceState(
            track_id=1,
            box=BBox(0, 0, 9, 9),
            label="happy",
            confidence=0.9,
            probs=dict.fromkeys(LABELS, 0.5),
        )
        stage_ms = dict.fromkeys(("detect", "track", "classify"), 1.0)
        self.report = Report(
            snapshot=Snapshot(
                seq=1,
                captured_at_s=0.0,
                size=(640, 480),
                faces=(face,),
                dominant="happy",
                stage_ms=stage_ms,
            ),
            health=report_of(0.0, ()).health,
        )
        scenes: Latest[Scene] = Latest()
        self.reports: Latest[Report] = Latest()
        self.reports.put(self.report)
        stream = StreamConfig(fps=30, quality=80, max_viewers=1, privacy="off")
        levels = dict.fromkeys((*LABELS, "status", "privacy"), 0.0)
        self.app = create_app(
            reports=self.reports,
            report=lambda: self.report,
            leds=lambda: LedState(mode="per_emotion", levels=levels),
            labels=LABELS,
            feed=JpegFeed(scenes, lambda: self.report, stream, lambda _: 1),
            access=Access(AllowedHosts(), None),
            controls=Controls(pause=lambda: None, resume=lambda: None),
            history=History(),
        )


@pytest.fixture(scope="module")
def device() -> Device:
    return Device()


def test_the_api_page_lists_the_routes_of_the_application(device: Device):
    listed = set(re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", read("docs/api.md"), re.MULTILINE))
    served = {
        f"{method} {rule.rule}"
        for rule in device.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert listed == served


def shape(value: Any, *, labels: bool = False) -> Any:
    """The keys of a JSON value, nested; those named after a label or LED as one."""
    if isinstance(value, dict):
        if labels:
            return "by name"
        return {
            k: shape(v, labels=k in ("probs", "levels", "shares", "stage_ms"))
            for k, v in value.items()
        }
    return [shape(item) for item in value[:1]] if isinstance(value, list) else "value"


def paths(value: Any, start: str = "") -> Iterator[str]:
    """The keys of a shape as api.md writes them: `snapshot.faces[].id`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{start}{key}"
            yield from paths(inner, f"{start}{key}.")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{start[:-1]}[].")


def example(name: str) -> Any:
    (block,) = fenced(read("docs/api.md"), f"json {name}")
    return json.loads(block)


def test_the_status_has_the_documented_keys(device: Device):
    status = device.app.test_client().get("/api/status").get_json()
    assert shape(status) == shape(example("status"))
    documented = re.findall(
        r"^\| `([\w.\[\]]+)` \|", section("docs/api.md", "GET /api/status"), re.M
    )
    grouping = {"health", "snapshot.faces"}
    assert set(documented) == set(paths(shape(status))) - grouping


def test_the_settings_have_the_documented_keys():
    owner = OwnerSettings(load_layers(), None)
    assert shape(owner.get()) == shape(example("settings"))


def test_an_event_has_the_documented_keys(device: Device):
    events = device.app.test_client().get("/events?viewer=phone")
    line = next(iter(events.response))
    events.close()
    event = json.loads(line.removeprefix("data: " if isinstance(line, str) else b"data: "))
    extra = re.findall(r"^\| `(\w+)` \|", section("docs/api.md", "GET /events"), re.M)
    assert set(event) == set(example("status")) | set(extra)


def test_the_history_has_the_documented_keys(device: Device):
    history = device.app.test_client().get("/api/history").get_json()
    assert list(history) == list(example("history"))
