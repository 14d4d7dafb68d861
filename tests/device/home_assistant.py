#!/usr/bin/env python3
"""Shows a device to a real Home Assistant, through a real Mosquitto: by hand, not in CI.

    .venv/bin/python tests/device/home_assistant.py HASS...

HASS is the command that starts Home Assistant, `hass` of a Python 3.13 environment with
`pip install homeassistant paho-mqtt==2.1.0 home-assistant-frontend`; --config and a folder below
TMPDIR are added. Everything listens on loopback, and ends with the script. The exit status is 0
when all steps went well.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "edge"))

from hass import Device, HomeAssistant, home_assistant, until
from mosquitto import Mosquitto

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SENSORS = ("mood", "faces", "camera", "temperature", "fps", "uptime", "version")
ENTITIES = (
    *(f"sensor.shelf_1_{key}" for key in SENSORS),
    *(f"sensor.shelf_1_share_{label}" for label in (*LABELS, "uncertain")),
    *("binary_sensor.shelf_1_problem", "switch.shelf_1_running", "number.shelf_1_brightness"),
    *("select.shelf_1_privacy", "camera.shelf_1_image"),
)
DIAGNOSTICS = ("camera", "temperature", "fps", "uptime", "version", "problem")


def settings(broker: Mosquitto, *, discovery: bool = True) -> str:
    return (
        f'auth = "none"\n[mqtt]\nenabled = true\nhost = "127.0.0.1"\nport = {broker.port}\n'
        f'name = "Shelf 1"\nimage_s = 2\ninterval_s = 2\ndiscovery = {str(discovery).lower()}\n'
    )


def journey(home: HomeAssistant, device: Device, broker: Mosquitto) -> None:
    """Take every step. Raises AssertionError for the first that fails."""

    def state(key: str) -> str:
        return home.states("shelf_1").get(key, "missing")

    def unavailable() -> bool:
        return set(home.states("shelf_1").values()) == {"unavailable"}

    added = home.add("mqtt", broker="127.0.0.1", port=broker.port)
    assert added["type"] == "create_entry", added
    device.start(settings(broker))
    until(
        lambda: set(home.states("shelf_1")) == set(ENTITIES), "the device appears with its entities"
    )
    until(lambda: state("sensor.shelf_1_faces") not in ("unknown", "unavailable", "0"), "faces")
    for entity, value in sorted(home.states("shelf_1").items()):
        print(f"             {entity} = {value}")
    found = "device_id('sensor.shelf_1_mood')"
    for name in ("name", "manufacturer", "model", "sw_version", "identifiers"):
        print(f"             {name}: {home.template(f'{{{{ device_attr({found}, {name!r}) }}}}')}")
    check_registry(home)
    reasons = home.ask("/api/states/binary_sensor.shelf_1_problem")["attributes"]["reasons"]
    assert reasons == [], reasons
    with home.open("/api/camera_proxy/camera.shelf_1_image") as answer:
        assert answer.read(2) == b"\xff\xd8"

    home.call("switch/turn_off", "switch.shelf_1_running")
    until(lambda: state("sensor.shelf_1_camera") == "paused", "the switch pauses the camera")
    until(lambda: state("sensor.shelf_1_mood") == "unknown", "a paused device has no mood")
    assert state("sensor.shelf_1_share_happy") == "unknown"
    home.call("switch/turn_on", "switch.shelf_1_running")
    until(lambda: state("sensor.shelf_1_camera") == "live", "the switch resumes")
    home.call("number/set_value", "number.shelf_1_brightness", value=40)
    until(lambda: state("number.shelf_1_brightness") in ("40", "40.0"), "brightness")
    home.call("select/select_option", "select.shelf_1_privacy", option="pixelate")
    until(lambda: state("select.shelf_1_privacy") == "pixelate", "privacy")

    device.end(signal.SIGKILL)
    until(unavailable, "a killed device is unavailable")
    device.start(settings(broker))
    until(lambda: state("sensor.shelf_1_camera") == "live", "it comes back")
    broker.kill()
    until(unavailable, "without the broker it is unavailable")
    broker.start()
    until(lambda: state("sensor.shelf_1_camera") == "live", "with the broker it comes back", 120)
    home.stop()
    home.start()
    until(lambda: state("sensor.shelf_1_camera") == "live", "Home Assistant restarted: it is there")
    assert set(home.states("shelf_1")) == set(ENTITIES)
    device.end(signal.SIGTERM)
    until(unavailable, "a device that ended is unavailable")
    device.start(settings(broker, discovery=False))
    until(lambda: not home.states("shelf_1"), "discovery = false: it is gone")


def check_registry(home: HomeAssistant) -> None:
    """Check the entities' categories as Home Assistant stored them, once it has."""
    file = home.folder / ".storage/core.entity_registry"

    def entries() -> dict[str, Any]:
        found = json.loads(file.read_text())["data"]["entities"] if file.exists() else []
        return {entry["entity_id"]: entry for entry in found if "shelf_1" in entry["entity_id"]}

    until(lambda: set(entries()) == set(ENTITIES), "it is in the registry")
    for entity, entry in entries().items():
        expected = "diagnostic" if entity.rpartition("shelf_1_")[2] in DIAGNOSTICS else None
        if entity in ("number.shelf_1_brightness", "select.shelf_1_privacy"):
            expected = "config"
        assert entry["entity_category"] == expected, entity


def main(command: list[str]) -> int:
    """Run all of it; return the exit status."""
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker, device = Mosquitto(folder), Device(folder)
        try:
            broker.start()
            with home_assistant(command, folder) as home:
                journey(home, device, broker)
                complaints = [line for line in home.log().splitlines() if "components.mqtt" in line]
            print("its log about MQTT:", *(complaints or ["nothing"]), sep="\n  ")
        finally:
            device.end(signal.SIGKILL)
            broker.kill()
    return 0


if __name__ == "__main__":
    os.environ.pop("EMOTION_EDGE_MQTT_PASSWORD", None)
    sys.exit(main(sys.argv[1:]))
