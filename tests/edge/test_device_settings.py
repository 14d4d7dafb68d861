"""A whole device on the demo scene: settings in force while it runs, and kept when it is killed."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mosquitto import Mosquitto, eventually, free_port, listening, needs_mosquitto

HEADERS = {"X-Emotion-Edge": "1", "Content-Type": "application/json"}


class Device:
    """A running device: its requests and its log."""

    def __init__(self, port: int, log: Path) -> None:
        self._url = f"http://127.0.0.1:{port}/api/"
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self, name: str) -> Any:
        with urllib.request.urlopen(self._url + name, timeout=20) as answer:
            return json.load(answer)

    def post(self, name: str, **values: Any) -> Any:
        body = json.dumps(values).encode() if values else None
        request = urllib.request.Request(self._url + name, body, HEADERS, method="POST")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    @property
    def health(self) -> Any:
        return self.get("status")["health"]


@contextmanager
def running(folder: Path, settings: str = "") -> Iterator[Device]:
    """Run a device on the state in `folder`, and kill it."""
    port, file, log = free_port(), folder / "my.toml", folder / "log"
    web = f'[web]\nport = {port}\nauth = "none"\n[state]\nfolder = "{folder}/state"\n'
    file.write_text(web + settings)
    command = [sys.executable, "-m", "edge", "run", "--source", "demo", "--config", str(file)]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stream)
    device = Device(port, log)
    try:
        eventually(lambda: answers(device), 60)
        yield device
    finally:
        process.kill()
        process.wait()


def answers(device: Device) -> bool:
    try:
        return bool(device.health)
    except OSError:
        return False


def test_settings_and_a_pause_survive_sigkill(tmp_path: Path):
    with running(tmp_path) as device:
        eventually(lambda: device.health["camera"] == "live", 60)
        device.post("settings", brightness=0.3, privacy="boxes-only", keep_pause=True)
        status = device.get("status")
        assert status["privacy"] == "boxes-only"
        eventually(lambda: device.get("status")["leds"]["levels"]["privacy"] == 0.3)
        device.post("pause")
    with running(tmp_path) as device:
        assert device.health["camera"] == "paused"
        assert device.health["pause"] == {"by": "person", "until": None}
        assert "demo scene" not in device.log  # it was never opened
        found = device.get("settings")
        assert found["values"]["brightness"] == 0.3
        assert found["from"]["privacy"] == "page"
        assert device.get("status")["privacy"] == "boxes-only"
        device.post("resume")
        eventually(lambda: device.health["camera"] == "live", 60)
        assert "camera: demo scene" in device.log


def test_a_damaged_file_starts_paused_and_the_schedule_pauses_again(tmp_path: Path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/owner-settings").write_text("{")
    with running(tmp_path) as device:
        assert device.health["camera"] == "paused"
        assert "those of the page do not count" in device.log
        device.post("resume")
        eventually(lambda: device.health["camera"] == "live", 60)
        begin, end = an_hour_around_now()
        device.post("settings", pause_from=begin, pause_until=end)
        # "clock" on a machine whose clock neither a time server nor a hardware clock confirms.
        assert device.health["pause"] in (
            {"by": "schedule", "until": end},
            {"by": "clock", "until": None},
        )
        assert device.health["camera"] == "paused"
        assert device.get("status")["leds"]["levels"]["privacy"] == 0
        device.post("resume")
        eventually(lambda: device.health["camera"] == "live", 60)
        time.sleep(1.5)  # the schedule looks at the clock again
        assert device.health["pause"] is None


def an_hour_around_now() -> tuple[str, str]:
    begin, end = (datetime.now() + timedelta(hours=h) for h in (-1, 1))
    return f"{begin:%H:%M}", f"{end:%H:%M}"


@needs_mosquitto
def test_page_and_mqtt_show_the_same_and_only_the_page_is_kept(tmp_path: Path):
    broker = Mosquitto(tmp_path)
    broker.start()
    mqtt = f'[mqtt]\nenabled = true\nhost = "127.0.0.1"\nport = {broker.port}\ndevice_id = "a"\n'
    try:
        with listening(broker.port) as listener:

            def state() -> Any:
                return json.loads(listener.last("emotion-edge/a/state") or b"{}")

            with running(tmp_path, mqtt) as device:
                eventually(lambda: state().get("camera") == "live", 60)
                # The state is sent each 30 s, or on a change.
                device.post("settings", brightness=0.4)
                eventually(lambda: state()["brightness"] == 40)
                listener.say("emotion-edge/a/privacy/set", "pixelate")
                listener.say("emotion-edge/a/brightness/set", "70")
                eventually(lambda: device.get("settings")["values"]["brightness"] == 0.7)
                eventually(lambda: device.get("status")["privacy"] == "pixelate")
                assert device.get("settings")["from"]["privacy"] == "MQTT"
                begin, end = an_hour_around_now()
                device.post("settings", pause_from=begin, pause_until=end)
                eventually(lambda: state()["camera"] == "paused")
                assert state()["pause"]["by"] in ("schedule", "clock")
                device.post("settings", pause_from=None, pause_until=None)
                eventually(lambda: state()["pause"] is None)
            with running(tmp_path, mqtt) as device:
                assert device.get("settings")["values"]["brightness"] == 0.4
                assert device.get("status")["privacy"] == "off"
    finally:
        broker.kill()
