"""A whole device on the demo scene and the real Mosquitto: from its start to its sudden end."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from mosquitto import Mosquitto, eventually, free_port, listening, needs_mosquitto

from edge.config import load_config, to_toml

pytestmark = needs_mosquitto

SECRET = "an-open-secret"  # noqa: S105 (made up)
BASE = "home/museum-3"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    passwords = tmp_path / "passwords"
    command = ["mosquitto_passwd", "-b", "-c", str(passwords), "pi", SECRET]
    subprocess.run(command, check=True, capture_output=True)
    passwords.chmod(0o600)
    # The listener of the test has no name: it may do everything.
    broker = Mosquitto(tmp_path, ("allow_anonymous true", f"password_file {passwords}"))
    broker.start()
    yield broker
    broker.kill()


def settings_file(folder: Path, broker: Mosquitto, web_port: int) -> Path:
    password = folder / "password"
    password.write_text(f"{SECRET}\n")
    file = folder / "config.toml"
    file.write_text(
        f'[web]\nport = {web_port}\nauth = "none"\n[state]\nfolder = "{folder}/state"\n'
        f'[mqtt]\nenabled = true\nhost = "127.0.0.1"\nport = {broker.port}\nusername = "pi"\n'
        f'password_file = "{password}"\ndevice_id = "museum-3"\ntopic_prefix = "home"\n'
        f"image_s = 1\ninterval_s = 1\n"
    )
    return file


def test_a_device_is_seen_paused_and_missed(broker: Mosquitto, tmp_path: Path):
    web_port = free_port()
    file = settings_file(tmp_path, broker, web_port)
    assert SECRET not in to_toml(load_config(file))
    log = tmp_path / "log"
    with log.open("wb") as stream, listening(broker.port) as listener:
        command = [sys.executable, "-m", "edge", "run", "--source", "demo", "--config", str(file)]
        device = subprocess.Popen(command, stdout=stream, stderr=stream)
        try:

            def state() -> dict[str, object]:
                return json.loads(listener.last(f"{BASE}/state") or b"{}")

            eventually(lambda: (state().get("faces") or 0) != 0, 60)
            eventually(lambda: listener.last(f"{BASE}/availability") == b"online")  # comes after it
            eventually(lambda: (listener.last(f"{BASE}/image") or b"").startswith(b"\xff\xd8"))
            listener.say(f"{BASE}/brightness/set", "30")
            eventually(lambda: state()["brightness"] == 30)
            listener.say(f"{BASE}/privacy/set", "boxes-only")
            eventually(lambda: state()["privacy"] == "boxes-only")
            listener.say(f"{BASE}/running/set", "OFF")
            eventually(lambda: state()["camera"] == "paused")
            assert state()["faces"] is None
            with urllib.request.urlopen(f"http://127.0.0.1:{web_port}/api/status") as answer:
                status = json.load(answer)
            assert status["health"]["camera"] == "paused"
            assert status["health"]["failing_outputs"] == []
            assert status["privacy"] == "boxes-only"
            told = [*(payload for _, payload, _ in listener.heard), json.dumps(status).encode()]
            told += [Path(f"/proc/{device.pid}/cmdline").read_bytes(), log.read_bytes()]
            assert not [text for text in told if SECRET.encode() in text]
            os.kill(device.pid, signal.SIGKILL)
            eventually(lambda: listener.last(f"{BASE}/availability") == b"offline")
        finally:
            device.kill()
            device.wait()
