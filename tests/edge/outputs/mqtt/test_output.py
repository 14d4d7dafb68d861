"""The output against the real Mosquitto: what it publishes, and when again."""

import json
import threading

from mosquitto import Start, eventually, listening
from mqtt_device import AVAILABILITY, CONFIG, STATE, Device, plan_of

from edge.datatypes import CameraState
from edge.outputs.mqtt.images import Images


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
