"""What the settings make of MQTT and hooks, and how a wrong file ends the program."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.config import Config, load_config
from edge.config.layers import Layers
from edge.history.history import History
from edge.integrations import open_integrations
from edge.mqtt_integration import open_mqtt
from edge.outputs.mqtt.output import MqttOutput
from edge.outputs.mqtt.session import Plan
from edge.owner_settings import OwnerSettings
from edge.parts import Parts


def not_yet(config: Config) -> Parts:
    return Parts(
        history=History(),
        leds=None,
        labels=("happy",),
        pausing=lambda: pytest.fail("nothing can be paused yet"),
        feed=lambda: pytest.fail("there is no feed yet"),
        owner=OwnerSettings(Layers(msgspec.to_builtins(config)), None),
    )


def settings(folder: Path, **sections: dict[str, Any]) -> Config:
    return load_config(None, {"state": {"folder": str(folder)}, **sections})


def plan_of(config: Config) -> Plan:
    output = open_mqtt(config, not_yet(config))
    assert isinstance(output, MqttOutput)
    output.close()
    return output.plan


def test_the_defaults_connect_to_nothing(tmp_path: Path):
    config = settings(tmp_path)
    assert open_integrations(config, not_yet(config)) == []


def test_what_is_off_is_not_loaded():
    loaded = "import edge.app, sys; print(*sys.modules, sep='\\n')"
    modules = subprocess.check_output([sys.executable, "-c", loaded], text=True, timeout=60)
    assert "edge.outputs.fanout" in modules
    assert [name for name in modules.split() if "mqtt" in name or "hooks" in name] == []


def test_an_id_and_a_name_are_found(tmp_path: Path):
    first, again = (plan_of(settings(tmp_path, mqtt={"enabled": True})) for _ in range(2))
    assert first.info.device_id == again.info.device_id
    assert first.info.name.startswith("emotion-edge ")
    assert first.topics.base == f"emotion-edge/{first.info.device_id}"
    chosen = {"enabled": True, "device_id": "shelf", "name": "Shelf", "topic_prefix": "a/b"}
    plan = plan_of(settings(tmp_path, mqtt=chosen))
    assert (plan.info.name, plan.topics.base) == ("Shelf", "a/b/shelf")


@pytest.mark.parametrize(
    ("privacy", "modes"),
    [
        ("off", ("off", "pixelate", "boxes-only")),
        ("pixelate", ("pixelate", "boxes-only")),
        ("boxes-only", ("boxes-only",)),
    ],
)
def test_a_command_can_hide_more_but_not_show_more(
    tmp_path: Path, privacy: str, modes: tuple[str, ...]
):
    plan = plan_of(settings(tmp_path, mqtt={"enabled": True}, stream={"privacy": privacy}))
    assert plan.info.privacy_modes == modes


def test_the_page_s_address_is_one_that_others_can_open(tmp_path: Path):
    mqtt = {"enabled": True}
    assert plan_of(settings(tmp_path, mqtt=mqtt)).info.page_url is None
    named = settings(tmp_path, mqtt=mqtt, web={"host": "192.0.2.7", "tls": True})
    assert plan_of(named).info.page_url == "https://192.0.2.7:8080"


@pytest.mark.parametrize(
    ("host", "tls", "warned"),
    [("192.0.2.1", False, True), ("192.0.2.1", True, False), ("localhost", False, False)],
)
def test_a_password_in_plain_text_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, host: str, *, tls: bool, warned: bool
):
    file = tmp_path / "password"
    file.write_text("se-cret")
    login = {"username": "pi", "password_file": str(file)}
    plan_of(settings(tmp_path, mqtt={"enabled": True, "host": host, "tls": tls, **login}))
    assert ("is sent to 192.0.2.1:1883 without encryption" in caplog.text) is warned
    assert "se-cret" not in caplog.text


def test_a_missing_file_ends_the_program_with_one_line(tmp_path: Path):
    file = tmp_path / "config.toml"
    login = 'enabled = true\nusername = "pi"\npassword_file = "/nowhere/at all"\n'
    file.write_text(f'[state]\nfolder = "{tmp_path}"\n[mqtt]\n{login}')
    command = [sys.executable, "-m", "edge", "run", "--source", "demo", "--config", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    (said,) = ended.stderr.splitlines()
    assert said.startswith(f"emotion-edge: {file}: [mqtt] password_file = '/nowhere/at all': ")
