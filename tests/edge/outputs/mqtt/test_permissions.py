"""What a broker permits: a password, rules, and the documented rules."""

import logging
import shutil
import subprocess
from pathlib import Path

import pytest
from documents import ROOT, fenced
from mosquitto import Start, eventually, listening
from mqtt_device import AVAILABILITY, CONFIG, Device


def with_password(folder: Path, name: str, password: str) -> tuple[str, ...]:
    file = folder / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(file), name, password], check=True, capture_output=True
    )
    file.chmod(0o600)
    return ("allow_anonymous false", f"password_file {file}")


@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="no mosquitto_passwd")
def test_a_password_is_asked_for_and_never_told(
    start: Start, device: Device, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    broker = start(*with_password(tmp_path, "pi", "open-sesame"))
    output = device.run(broker.port, username="pi", password="wrong-and-secret")  # noqa: S106
    eventually(device.fails)
    device.close()
    assert "it refuses the login: Not authorized" in caplog.text
    assert "secret" not in caplog.text + repr(output.__dict__)
    right = Device()
    right.run(broker.port, username="pi", password="open-sesame")  # noqa: S106
    eventually(lambda: "as emotion-edge-one" in broker.log.read_text())
    eventually(lambda: "Received PUBLISH" in broker.log.read_text())
    assert not right.fails()
    right.close()
    assert "sesame" not in caplog.text


def test_what_the_broker_forbids_is_told(
    start: Start, device: Device, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    rules = tmp_path / "acl"
    rules.write_text("topic read #\ntopic write edge/one/availability\n")
    rules.chmod(0o600)
    broker = start("allow_anonymous true", f"acl_file {rules}")
    device.run(broker.port)
    eventually(device.fails)
    assert "it refuses a message: Not authorized" in caplog.text


@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="no mosquitto_passwd")
def test_the_documented_rules_permit_what_a_device_does(
    start: Start, device: Device, tmp_path: Path
):
    *_, documented = fenced((ROOT / "docs/mqtt.md").read_text("utf-8"), "text")
    rules = tmp_path / "acl"
    everything = "topic readwrite #\ntopic readwrite $SYS/#\n"  # of the listener without a name
    rules.write_text(everything + documented.replace("emotion-edge/%u/#", "edge/%u/#"))
    rules.chmod(0o600)
    login = with_password(tmp_path, "one", "x")[1]
    broker = start("allow_anonymous true", login, f"acl_file {rules}")
    with listening(broker.port) as listener:
        device.run(broker.port, username="one", password="x")  # noqa: S106
        eventually(lambda: listener.last(AVAILABILITY) == b"online")
        listener.say("homeassistant/status", "online")
        eventually(lambda: len(listener.payloads(CONFIG)) == 2)
        listener.say("edge/one/running/set", "OFF")
        eventually(lambda: device.done == ["pause"])
    assert not device.fails()
