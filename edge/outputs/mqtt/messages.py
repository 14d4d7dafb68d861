"""The topics of a device and the state that it publishes. No I/O here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.datatypes import CameraState, Report
from edge.outputs.moods import faces_of, mood_of

ONLINE, OFFLINE = b"online", b"offline"
_RUNNING = (CameraState.STARTING, CameraState.LIVE, CameraState.LOST)
_OWN_NAME = "mqtt"  # a broker that hears of it was reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to publish. A broker deletes one that expires after `expires_s`."""

    topic: str
    payload: bytes
    retain: bool = False
    expires_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """What does not change about a device. `labels` are the model's expressions.

    `device_id` is part of every topic. `page_url` is for a person, None when only this machine can
    open the page. `privacy_modes` are those that a command may set.
    """

    device_id: str
    name: str
    board: str
    version: str
    labels: tuple[str, ...]
    page_url: str | None = None
    has_leds: bool = False
    privacy_modes: tuple[str, ...] = ()
    sends_images: bool = False
    takes_commands: bool = True

    @property
    def unique_id(self) -> str:
        """The name of the device among all clients of a broker."""
        return unique_id_of(self.device_id)


def unique_id_of(device_id: str) -> str:
    """Return the name of a device among all clients of a broker."""
    return f"emotion-edge-{device_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The topics below PREFIX/DEVICE_ID."""

    base: str

    @property
    def availability(self) -> str:
        """Whether the device is connected; the will."""
        return f"{self.base}/availability"

    @property
    def state(self) -> str:
        """The state as JSON."""
        return f"{self.base}/state"

    @property
    def image(self) -> str:
        """What the page shows, as a JPEG."""
        return f"{self.base}/image"

    @property
    def doctor(self) -> str:
        """What the doctor publishes, to find out whether it may."""
        return f"{self.base}/doctor"

    def command(self, name: str) -> str:
        """Return the topic of a command; that of all of them for the name +."""
        return f"{self.base}/{name}/set"

    def command_of(self, topic: str) -> str | None:
        """Return the name of the command that this topic carries, None for another topic."""
        start, end = f"{self.base}/", "/set"
        is_ours = topic.startswith(start) and topic.endswith(end)
        return topic[len(start) : -len(end)] if is_ours else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What the state holds besides the report.

    `shares` are the expressions' shares of the last minute, 0..1. `brightness` is that of the LEDs,
    0..1, None without LEDs.
    """

    shares: Mapping[str, float]
    brightness: float | None
    privacy: str


def problems_of(report: Report) -> list[str]:
    """Return what is wrong with the device, as sentences; empty when nothing is."""
    health, vitals = report.health, report.health.vitals
    found = [health.detail or "the camera is lost"] if health.camera is CameraState.LOST else []
    found += [f"output {name} fails" for name in health.failing_outputs if name != _OWN_NAME]
    found += ["the firmware slows the board down"] if vitals.throttled else []
    found += ["the board is hot"] if vitals.hot else []
    return found


def signature(report: Report) -> tuple[object, ...]:
    """Return what of a report is worth a message as soon as it changes."""
    return (
        report.health.camera,
        report.health.pause,
        mood_of(report),
        faces_of(report),
        report.health.failing_outputs,
        report.health.vitals.throttled,
        report.health.vitals.hot,
    )


def state_of(report: Report, extras: Extras, version: str) -> dict[str, Any]:
    """Return the state as JSON-ready values. Nothing that was seen is in it unless live."""
    health, problems = report.health, problems_of(report)
    celsius = health.vitals.temperature_c
    return {
        "camera": str(health.camera),
        "running": health.camera in _RUNNING,
        "pause": None if health.pause is None else health.pause.to_dict(),
        "mood": mood_of(report),
        "faces": faces_of(report),
        "shares": {
            label: round(share, 3) if health.healthy else None
            for label, share in extras.shares.items()
        },
        "fps": round(health.fps, 1),
        "temperature_c": None if celsius is None else round(celsius, 1),
        "uptime_s": round(health.uptime_s),
        "brightness": None if extras.brightness is None else round(extras.brightness * 100),
        "privacy": extras.privacy,
        "problem": bool(problems),
        "problems": problems,
        "version": version,
    }


def as_payload(value: Mapping[str, Any]) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
