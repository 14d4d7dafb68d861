"""Brokers and a device for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mosquitto import PROGRAM, Mosquitto, Start
from mqtt_device import Device


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    device.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a broker with these lines of settings."""
    brokers: list[Mosquitto] = []

    def started(*lines: str, prefix: tuple[str, ...] = ()) -> Mosquitto:
        if PROGRAM is None:
            pytest.skip("mosquitto is not installed")
        broker = Mosquitto(tmp_path, lines or ("allow_anonymous true",))
        broker.start(*prefix)
        brokers.append(broker)
        return broker

    yield started
    for broker in brokers:
        broker.kill()
