"""The message that announces a device to Home Assistant, with all its entities. No I/O here.

One retained message for the whole device; an empty one removes it:
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from edge.datatypes import CameraState
from edge.outputs.moods import NO_FACE, UNCERTAIN
from edge.outputs.mqtt.messages import DeviceInfo, Topics

BIRTH_PAYLOAD = b"online"
_PROJECT = "https://github.com/emotion-edge/emotion-edge"
_ICONS = {
    "mood": "mdi:emoticon-outline",
    "faces": "mdi:account-group",
    "camera": "mdi:camera",
    "running": "mdi:camera",
    "brightness": "mdi:led-on",
    "privacy": "mdi:incognito",
    "fps": "mdi:filmstrip",
}
_DIAGNOSTIC = {"entity_category": "diagnostic"}
_CONFIG = {"entity_category": "config"}
_MEASUREMENT = {"state_class": "measurement"}

Component = tuple[str, str, dict[str, Any]]
"""The key of an entity, its platform and its options."""


def birth_topic(prefix: str) -> str:
    """Return where Home Assistant tells that it has started."""
    return f"{prefix}/status"


def discovery_topic(prefix: str, unique_id: str) -> str:
    """Return the topic of the announcement."""
    return f"{prefix}/device/{unique_id}/config"


def discovery_of(info: DeviceInfo, topics: Topics) -> dict[str, Any]:
    """Return the announcement as JSON-ready values."""
    device = {
        "ids": [info.unique_id],
        "name": info.name,
        "mf": "emotion-edge",
        "mdl": info.board,
        "sw": info.version,
    }
    if info.page_url is not None:
        device["cu"] = info.page_url
    return {
        "dev": device,
        "o": {"name": "emotion-edge", "sw": info.version, "url": _PROJECT},
        "availability_topic": topics.availability,
        "state_topic": topics.state,
        "qos": 1,
        "cmps": {
            key: _entity(info, key, platform, options)
            for key, platform, options in (*_sensors(info, topics), *_controls(info, topics))
        },
    }


def _entity(info: DeviceInfo, key: str, platform: str, options: dict[str, Any]) -> dict[str, Any]:
    icon = {"icon": _ICONS[key]} if key in _ICONS else {}
    return {
        "p": platform,
        "unique_id": f"{info.unique_id}-{key}",
        "default_entity_id": f"{platform}.{_slug(info.name) or _slug(info.unique_id)}_{_slug(key)}",
        **icon,
        **options,
    }


def _sensors(info: DeviceInfo, topics: Topics) -> Iterator[Component]:
    moods = [*info.labels, UNCERTAIN, NO_FACE]
    yield "mood", "sensor", {"name": "Mood", **_value("mood"), **_one_of(moods)}
    yield "faces", "sensor", {"name": "Faces", **_value("faces"), **_MEASUREMENT}
    for label in (*info.labels, UNCERTAIN):
        yield f"share_{label}", "sensor", _share(label)
    cameras = [str(state) for state in CameraState]
    yield (
        "camera",
        "sensor",
        {"name": "Camera", **_value("camera"), **_one_of(cameras), **_DIAGNOSTIC},
    )
    yield (
        "temperature",
        "sensor",
        {
            "name": "Temperature",
            **_value("temperature_c"),
            "device_class": "temperature",
            "unit_of_measurement": "°C",
            **_MEASUREMENT,
            **_DIAGNOSTIC,
        },
    )
    yield (
        "fps",
        "sensor",
        {
            "name": "Frame rate",
            **_value("fps"),
            "unit_of_measurement": "fps",
            **_MEASUREMENT,
            **_DIAGNOSTIC,
        },
    )
    yield (
        "uptime",
        "sensor",
        {
            "name": "Uptime",
            **_value("uptime_s"),
            "device_class": "duration",
            "unit_of_measurement": "s",
            **_DIAGNOSTIC,
        },
    )
    yield "version", "sensor", {"name": "Firmware version", **_value("version"), **_DIAGNOSTIC}
    yield (
        "problem",
        "binary_sensor",
        {
            "name": "Problem",
            "value_template": "{{ 'ON' if value_json.problem else 'OFF' }}",
            "device_class": "problem",
            "json_attributes_topic": topics.state,
            "json_attributes_template": "{{ {'reasons': value_json.problems} | tojson }}",
            **_DIAGNOSTIC,
        },
    )


def _controls(info: DeviceInfo, topics: Topics) -> Iterator[Component]:
    if info.takes_commands:
        yield (
            "running",
            "switch",
            {
                "name": "Running",
                "value_template": "{{ 'ON' if value_json.running else 'OFF' }}",
                "command_topic": topics.command("running"),
            },
        )
    if info.takes_commands and info.has_leds:
        yield (
            "brightness",
            "number",
            {
                "name": "LED brightness",
                **_value("brightness"),
                "command_topic": topics.command("brightness"),
                "min": 5,
                "max": 100,
                "unit_of_measurement": "%",
                **_CONFIG,
            },
        )
    if info.takes_commands and len(info.privacy_modes) > 1:
        yield (
            "privacy",
            "select",
            {
                "name": "Privacy",
                **_value("privacy"),
                "command_topic": topics.command("privacy"),
                "options": list(info.privacy_modes),
                **_CONFIG,
            },
        )
    if info.sends_images:
        yield "image", "camera", {"name": "Image", "topic": topics.image}


def _share(label: str) -> dict[str, Any]:
    quoted = label.replace("\\", r"\\").replace("'", r"\'")
    share = f"value_json.shares['{quoted}']"
    return {
        "name": f"Share of {label}",
        "value_template": f"{{{{ ({share} * 100) | round(1) if {share} is number else None }}}}",
        "unit_of_measurement": "%",
        "icon": "mdi:chart-pie",
        "suggested_display_precision": 0,
        **_MEASUREMENT,
    }


def _value(key: str) -> dict[str, str]:
    return {"value_template": f"{{{{ value_json.{key} }}}}"}


def _one_of(options: list[str]) -> dict[str, Any]:
    return {"device_class": "enum", "options": list(dict.fromkeys(options))}


def _slug(text: str) -> str:
    """Return `text` as a part of an entity's id: small letters, digits and single underscores."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
