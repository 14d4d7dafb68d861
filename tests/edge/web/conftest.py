"""A device behind an access code, and a client that is not logged in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from gated import Device


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(tmp_path / "ended-logins")
    yield device
    device.scenes.close()


@pytest.fixture
def client(device: Device) -> FlaskClient:
    return device.app.test_client()
