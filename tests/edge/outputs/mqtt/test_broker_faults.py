"""Brokers that are killed, missing, silent or full, and two devices with one name."""

import json
import logging
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from mosquitto import Start, eventually, free_port, listening
from mqtt_device import AVAILABILITY, CONFIG, STATE, Device


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
