"""The output against the real Mosquitto: what it says, what it obeys, and what it survives."""

import json
import logging
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from documents import ROOT, fenced
from mosquitto import Mosquitto, eventually, free_port, listening
from mqtt_device import Device, plan_of

from edge.datatypes import CameraState
from edge.outputs.mqtt.connection import LARGEST_RECEIVED_BYTES
from edge.outputs.mqtt.images import Images

STATE, AVAILABILITY = "edge/one/state", "edge/one/availability"
CONFIG = "homeassistant/device/emotion-edge-one/config"

Start = Callable[..., Mosquitto]


def test_what_a_device_publishes_is_kept_by_the_broker(start: Start, device: Device):
    broker = start()
    device.run(broker.port)
    with listening(broker.port) as first:
        eventually(lambda: first.last(AVAILABILITY) == b"online")
    with listening(broker.port) as later:
        eventually(lambda: len(later.heard) == 3)
        assert {(topic, kept) for topic, _, kept in later.heard} == {
            (STATE, True),
            (AVAILABILITY, True),
            (CONFIG, True),
        }
        payload = later.last(STATE)
        assert payload
        assert b", " not in payload
        state = json.loads(payload)
        assert (state["mood"], state["faces"], state["running"]) == ("uncertain", 1, True)
        assert state["shares"] == {"happy": 0.25, "sad": 0.5, "uncertain": 0.25}
        assert (state["brightness"], state["privacy"], state["problem"]) == (100, "off", False)
        device.close()
        eventually(lambda: later.last(AVAILABILITY) == b"offline")


def test_the_state_follows_a_change_and_repeats_itself(start: Start, device: Device):
    broker = start()
    with listening(broker.port, STATE) as listener:
        device.run(broker.port, plan_of(interval_s=1.0))
        eventually(lambda: len(listener.payloads(STATE)) >= 2)
        device.labels = ("happy", "sad")
        device.tell()
        eventually(lambda: json.loads(listener.last(STATE) or b"{}").get("faces") == 2)
        device.camera = CameraState.PAUSED
        device.tell()
        eventually(lambda: json.loads(listener.last(STATE) or b"{}").get("camera") == "paused")
        state = json.loads(listener.last(STATE) or b"")
        assert (state["mood"], state["faces"], state["running"]) == (None, None, False)
        assert set(state["shares"].values()) == {None}


def test_a_killed_broker_gets_everything_again(
    start: Start, device: Device, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "edge")
    broker = start()
    device.run(broker.port)
    with listening(broker.port) as listener:
        eventually(lambda: len(listener.heard) == 3)
    broker.kill()
    eventually(device.fails)
    device.labels = ("happy", "sad", None)
    device.tell()
    broker.start()
    with listening(broker.port) as listener:
        eventually(
            lambda: {topic for topic, _, _ in listener.heard} >= {STATE, AVAILABILITY, CONFIG}
        )
        assert json.loads(listener.last(STATE) or b"")["faces"] == 3
    eventually(lambda: not device.fails())
    told = [record.message for record in caplog.records if "mqtt" in record.message]
    assert len(told) == 2, told
    assert told[0].startswith(f"output mqtt failed: 127.0.0.1:{broker.port}: ")
    assert told[1] == "output mqtt is back"


def test_a_broker_that_is_not_there_is_told_once(device: Device, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "edge")
    device.run(free_port())
    eventually(device.fails)
    for _ in range(50):
        device.tell()
    (line,) = [record.message for record in caplog.records]
    assert line.endswith(": Connection refused")


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


def test_two_devices_with_one_id_are_told(
    start: Start, device: Device, caplog: pytest.LogCaptureFixture
):
    broker = start()
    device.run(broker.port)
    eventually(lambda: "'edge/one/availability'" in broker.log.read_text())
    other = Device()
    other.run(broker.port)

    def is_told() -> bool:
        device.tell()
        return "another device has the same [mqtt] device_id" in caplog.text

    eventually(is_told)
    other.close()


def test_commands_are_obeyed(start: Start, device: Device):
    broker = start()
    with listening(broker.port) as listener:
        device.run(broker.port)
        eventually(lambda: listener.last(AVAILABILITY) == b"online")
        listener.say("edge/one/running/set", "OFF")
        eventually(lambda: b'"camera":"paused"' in (listener.last(STATE) or b""))
        listener.say("edge/one/running/set", "on")
        eventually(lambda: b'"camera":"live"' in (listener.last(STATE) or b""))
        listener.say("edge/one/brightness/set", "40")
        eventually(lambda: b'"brightness":40' in (listener.last(STATE) or b""))
        listener.say("edge/one/privacy/set", "pixelate")
        eventually(lambda: b'"privacy":"pixelate"' in (listener.last(STATE) or b""))
    assert device.done == ["pause", "resume"]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (("brightness", b"nan"), "a number from 5 to 100"),
        (("brightness", b"101"), "a number from 5 to 100"),
        (("brightness", b"\xff\x00"), "a number from 5 to 100"),
        (("privacy", b"none at all"), "one of off, pixelate, boxes-only"),
        (("running", b""), "ON or OFF"),
    ],
)
def test_a_wrong_command_is_one_line(
    start: Start,
    device: Device,
    caplog: pytest.LogCaptureFixture,
    wrong: tuple[str, bytes],
    expected: str,
):
    name, payload = wrong
    broker = start()
    with listening(broker.port) as listener:
        device.run(broker.port)
        eventually(lambda: listener.last(AVAILABILITY) == b"online")
        listener.say(f"edge/one/{name}/set", payload)
        eventually(lambda: f"mqtt: command {name}" in caplog.text)
        listener.say("edge/one/unknown/set", b"x")
        listener.say("edge/one/running/set", "OFF")
        eventually(lambda: device.done == ["pause"])
    (line,) = [record.message for record in caplog.records if "command" in record.message]
    assert line.endswith(f": expected {expected}")
    assert (device.brightness, device.privacy) == (1.0, "off")


def test_an_old_or_huge_command_is_not_obeyed(start: Start, device: Device):
    broker = start()
    with listening(broker.port, "edge/#") as listener:
        listener.say("edge/one/running/set", "OFF", retain=True)
        device.run(broker.port)
        eventually(lambda: listener.last(AVAILABILITY) == b"online")
        listener.say("edge/one/privacy/set", b"pixelate" + b" " * LARGEST_RECEIVED_BYTES)
        listener.say("edge/one/brightness/set", "50")
        eventually(lambda: b'"brightness":50' in (listener.last(STATE) or b""))
    assert device.done == []
    assert device.privacy == "off"


def test_without_commands_nothing_is_subscribed_to(start: Start, device: Device):
    broker = start()
    plan = plan_of(takes_commands=False, is_announced=False)
    with listening(broker.port, "edge/#") as listener:
        device.run(broker.port, plan)
        eventually(lambda: listener.last(AVAILABILITY) == b"online")
    assert "emotion-edge-one 1 edge" not in broker.log.read_text()
    assert "SUBSCRIBE from emotion-edge-one" not in broker.log.read_text()


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


def test_the_image_is_not_kept_and_is_dropped_by_a_pause(start: Start, device: Device):
    broker = start()
    pictures = iter([b"seen", b"a notice", b"a notice"])
    gate = threading.Event()

    def jpeg() -> bytes:
        if device.camera is CameraState.LIVE:
            gate.wait(10)  # the encoder is busy with it when the pause begins
        return next(pictures)

    with listening(broker.port, "edge/#") as listener:
        device.run(broker.port, plan_of(sends_images=True), Images(jpeg, 3600))
        eventually(lambda: listener.last(AVAILABILITY) == b"online")
        device.pause()
        eventually(lambda: b'"camera":"paused"' in (listener.last(STATE) or b""))
        gate.set()
        eventually(lambda: listener.last("edge/one/image") == b"a notice")
        assert listener.payloads("edge/one/image") == [b"a notice"]
    with listening(broker.port, "edge/one/image") as later, listening(broker.port) as other:
        eventually(lambda: len(other.heard) == 3)
        assert later.heard == []


def test_a_broker_that_never_answers_delays_nothing(device: Device):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        device.run(silent.getsockname()[1])
        connected, _ = silent.accept()
        shown = threading.Thread(target=lambda: [device.tell() for _ in range(2000)])
        shown.start()
        shown.join(20)
        assert not shown.is_alive()
        closed = threading.Thread(target=device.close)
        closed.start()
        closed.join(20)
        assert not closed.is_alive()
        connected.close()


def tiny_disk(folder: Path) -> tuple[str, ...]:
    """Return a command that gives the program after it a full disk at `folder`."""
    root = () if os.geteuid() == 0 else ("--map-root-user",)
    mount = f"mount -t tmpfs -o size=4k tmpfs {folder}; head -c 64k /dev/zero > {folder}/full"
    return ("unshare", *root, "--mount", "sh", "-c", f'{mount} 2>/dev/null; exec "$@"', "sh")


def test_a_full_disk_of_the_broker_does_not_matter(start: Start, device: Device, tmp_path: Path):
    full = tmp_path / "full"
    full.mkdir()
    prefix = tiny_disk(full)
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces here")
    lines = ("allow_anonymous true", "persistence true", f"persistence_location {full}/")
    broker = start(*lines, "autosave_on_changes true", "autosave_interval 1", prefix=prefix)
    with listening(broker.port) as listener:
        device.run(broker.port)
        eventually(lambda: "No space left on device" in broker.log.read_text())
        device.labels = ()
        device.tell()
        eventually(lambda: b'"faces":0' in (listener.last(STATE) or b""))
    assert not device.fails()


def test_home_assistant_that_starts_gets_the_announcement_again(start: Start, device: Device):
    broker = start()
    with listening(broker.port, "homeassistant/#") as listener:
        device.run(broker.port)
        eventually(lambda: len(listener.payloads(CONFIG)) == 1)
        listener.say("homeassistant/status", "offline")
        listener.say("homeassistant/status", "online")
        eventually(lambda: len(listener.payloads(CONFIG)) == 2)


def test_switched_off_discovery_removes_the_device(start: Start, device: Device):
    broker = start()
    device.run(broker.port)
    with listening(broker.port, CONFIG) as listener:
        eventually(lambda: bool(listener.last(CONFIG)))
    device.close()
    quiet = Device()
    quiet.run(broker.port, plan_of(is_announced=False))
    with listening(broker.port, "edge/#") as listener:
        eventually(lambda: listener.last(AVAILABILITY) == b"online")
    quiet.close()
    with listening(broker.port, "#") as listener:
        eventually(lambda: len(listener.heard) == 2)
        assert listener.payloads(CONFIG) == []
