"""Commands from the broker: obeyed, refused in one line, or not subscribed to."""

import pytest
from mosquitto import Start, eventually, listening
from mqtt_device import AVAILABILITY, STATE, Device, plan_of

from edge.outputs.mqtt.connection import LARGEST_RECEIVED_BYTES


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
