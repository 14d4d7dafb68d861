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
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/edge"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mosquitto import Mosquitto, free_port

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SENSORS = ("mood", "faces", "camera", "temperature", "fps", "uptime", "version")
ENTITIES = (
    *(f"sensor.shelf_1_{key}" for key in SENSORS),
    *(f"sensor.shelf_1_share_{label}" for label in (*LABELS, "uncertain")),
    *("binary_sensor.shelf_1_problem", "switch.shelf_1_running", "number.shelf_1_brightness"),
    *("select.shelf_1_privacy", "camera.shelf_1_image"),
)
DIAGNOSTICS = ("camera", "temperature", "fps", "uptime", "version", "problem")


class HomeAssistant:
    """A Home Assistant with one user, asked over its REST interface."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.command, self.folder, self.port = command, folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = ""
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        (folder / "configuration.yaml").write_text(
            f"homeassistant:\n  name: test\nhttp:\n  server_host: 127.0.0.1\n"
            f"  server_port: {self.port}\napi:\nauth:\nconfig:\nlogger:\n  default: warning\n"
        )

    def run(self, *options: str) -> None:
        subprocess.run(
            [*self.command, *options], check=True, stdout=subprocess.DEVNULL, timeout=120
        )

    def start(self) -> None:
        with (self.folder.parent / "hass.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "--config", str(self.folder)], stdout=log, stderr=log
            )
        until(self.answers, "Home Assistant answers", 180)

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/manifest.json", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def log_in(self) -> None:
        client = f"{self.url}/"
        flow = self.ask(
            "/auth/login_flow",
            {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client},
        )
        done = self.ask(
            f"/auth/login_flow/{flow['flow_id']}",
            {"client_id": client, "username": "maker", "password": "maker"},
        )
        form = {"grant_type": "authorization_code", "code": done["result"], "client_id": client}
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"{self.url}/auth/token", body, timeout=30) as answer:
            self.token = json.load(answer)["access_token"]

    def add_mqtt(self, port: int) -> None:
        flow = self.ask("/api/config/config_entries/flow", {"handler": "mqtt"})
        asked = {"broker": "127.0.0.1", "port": port}
        done = self.ask(f"/api/config/config_entries/flow/{flow['flow_id']}", asked)
        assert done["type"] == "create_entry", done

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        asked = urllib.request.Request(f"{self.url}{path}", data, headers)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            text = answer.read().decode()
            is_json = answer.headers.get_content_type() == "application/json"
        return json.loads(text) if is_json else text

    def states(self) -> dict[str, str]:
        return {
            entity["entity_id"]: entity["state"]
            for entity in self.ask("/api/states")
            if "shelf_1" in entity["entity_id"]
        }

    def template(self, text: str) -> str:
        return str(self.ask("/api/template", {"template": text}))

    def call(self, service: str, entity: str, **data: Any) -> None:
        self.ask(f"/api/services/{service}", {"entity_id": entity, **data})

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


class Device:
    """An emotion-edge on the demo scene."""

    def __init__(self, folder: Path, broker: int) -> None:
        self.folder, self.broker = folder, broker
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, discovery: bool = True) -> None:
        file = self.folder / "device.toml"
        file.write_text(
            f'[web]\nport = {free_port()}\nauth = "none"\n[state]\nfolder = "{self.folder}/state"\n'
            f'[mqtt]\nenabled = true\nhost = "127.0.0.1"\nport = {self.broker}\nname = "Shelf 1"\n'
            f"image_s = 2\ninterval_s = 2\ndiscovery = {str(discovery).lower()}\n"
        )
        command = [sys.executable, "-m", "edge", "run", "--source", "demo", "--config", str(file)]
        with (self.folder / "device.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None


def until(truth: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    """Wait for it and print how long it took. Raises AssertionError."""
    began_s = time.monotonic()
    while not truth():
        assert time.monotonic() - began_s < within_s, f"not in {within_s:.0f} s: {what}"
        time.sleep(0.1)
    print(f"ok {time.monotonic() - began_s:6.1f} s  {what}", flush=True)


def journey(home: HomeAssistant, device: Device, broker: Mosquitto) -> None:
    """Take every step. Raises AssertionError for the first that fails."""

    def state(key: str) -> str:
        return home.states().get(key, "missing")

    def unavailable() -> bool:
        return set(home.states().values()) == {"unavailable"}

    home.add_mqtt(broker.port)
    device.start()
    until(lambda: set(home.states()) == set(ENTITIES), "the device appears with its entities")
    until(lambda: state("sensor.shelf_1_faces") not in ("unknown", "unavailable", "0"), "faces")
    for entity, value in sorted(home.states().items()):
        print(f"             {entity} = {value}")
    found = "device_id('sensor.shelf_1_mood')"
    for name in ("name", "manufacturer", "model", "sw_version", "identifiers"):
        print(f"             {name}: {home.template(f'{{{{ device_attr({found}, {name!r}) }}}}')}")
    check_registry(home)
    reasons = home.ask("/api/states/binary_sensor.shelf_1_problem")["attributes"]["reasons"]
    assert reasons == [], reasons
    camera = urllib.request.Request(
        f"{home.url}/api/camera_proxy/camera.shelf_1_image",
        headers={"Authorization": f"Bearer {home.token}"},
    )
    with urllib.request.urlopen(camera, timeout=30) as answer:
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
    device.start()
    until(lambda: state("sensor.shelf_1_camera") == "live", "it comes back")
    broker.kill()
    until(unavailable, "without the broker it is unavailable")
    broker.start()
    until(lambda: state("sensor.shelf_1_camera") == "live", "with the broker it comes back", 120)
    home.stop()
    home.start()
    until(lambda: state("sensor.shelf_1_camera") == "live", "Home Assistant restarted: it is there")
    assert set(home.states()) == set(ENTITIES)
    device.end(signal.SIGTERM)
    until(unavailable, "a device that ended is unavailable")
    device.start(discovery=False)
    until(lambda: not home.states(), "discovery = false: it is gone")


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
        broker = Mosquitto(folder)
        home = HomeAssistant(command, folder / "home-assistant")
        device = Device(folder, broker.port)
        try:
            broker.start()
            home.run("--script", "auth", "-c", str(home.folder), "add", "maker", "maker")
            home.start()
            home.log_in()
            print(f"Home Assistant {home.ask('/api/config')['version']}", flush=True)
            journey(home, device, broker)
            log = (folder / "hass.log").read_text()
            complaints = [line for line in log.splitlines() if "components.mqtt" in line]
            print("its log about MQTT:", *(complaints or ["nothing"]), sep="\n  ")
        except BaseException:
            print((folder / "hass.log").read_text()[-6000:], file=sys.stderr)
            raise
        finally:
            device.end(signal.SIGKILL)
            home.stop()
            broker.kill()
    return 0


if __name__ == "__main__":
    os.environ.pop("EMOTION_EDGE_MQTT_PASSWORD", None)
    sys.exit(main(sys.argv[1:]))
