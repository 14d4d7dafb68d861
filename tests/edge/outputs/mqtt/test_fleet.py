"""The simulated fleet on the real Mosquitto."""

import io
import json
import threading

import pytest
from mosquitto import Start, eventually, free_port, listening

from edge.config import load_config
from edge.errors import UsageError
from edge.fleet_sim import simulate

BASE = "emotion-edge-simulation"
CONFIG = load_config().mqtt


class Simulation:
    """A fleet in a thread, until `end`."""

    def __init__(self, devices: int, port: int) -> None:
        self.out = io.StringIO()
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=simulate,
            args=(devices, f"127.0.0.1:{port}", CONFIG),
            kwargs={"seconds": 60.0, "out": self.out, "stopping": self._ended.is_set},
        )
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def test_every_device_is_online_and_leaves_nothing_behind(start: Start):
    broker = start()
    fleet = Simulation(5, broker.port)
    try:
        with listening(broker.port) as listener:
            names = [f"{BASE}/sim-{number:05d}" for number in range(5)]
            eventually(lambda: all(listener.last(f"{n}/availability") == b"online" for n in names))
            state = json.loads(listener.last(f"{names[4]}/state") or b"")
            assert set(state) >= {"mood", "faces", "shares", "fps", "camera"}
            broker.kill()
        broker.start()
        with listening(broker.port) as listener:
            eventually(lambda: all(listener.last(f"{n}/availability") == b"online" for n in names))
    finally:
        fleet.end()
    with listening(broker.port) as listener:
        listener.say("marker", b"the end", retain=True)
        eventually(lambda: listener.last("marker") is not None)
        assert {topic for topic, _, _ in listener.heard} == {"marker"}
    last = fleet.out.getvalue().splitlines()[-1]
    assert last.startswith("5 of 5 connected, ")
    assert " connections lost, the last time: " in last


def test_a_broker_that_is_not_there_is_told():
    out = io.StringIO()
    broker = f"127.0.0.1:{free_port()}"
    simulate(2, broker, CONFIG, seconds=0.2, out=out, stopping=lambda: False)
    (line,) = out.getvalue().splitlines()
    assert line.startswith("0 of 2 connected, 0.0 messages/s, 0.0 kB/s, ")
    assert line.endswith(" connections lost, the last time: Connection refused")


@pytest.mark.parametrize(
    ("devices", "broker", "reason"),
    [
        (0, "localhost", "fleet-sim 0: expected a number from 1 to 10000"),
        ("many", "localhost", "fleet-sim many: expected a number from 1 to 10000"),
        (1, "a:b", "--broker 'a:b': expected HOST or HOST:PORT"),
        (1, "a:99999", "--broker 'a:99999': expected HOST or HOST:PORT"),
        (1, "", "--broker '': expected HOST or HOST:PORT"),
    ],
)
def test_a_wrong_argument_is_one_line(devices: int | str, broker: str, reason: str):
    with pytest.raises(UsageError) as refused:
        simulate(devices, broker, CONFIG, seconds=1.0, out=io.StringIO(), stopping=lambda: True)
    assert str(refused.value) == reason
