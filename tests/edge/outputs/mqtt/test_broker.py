"""Encryption with the real Mosquitto, and what the settings say about a broker."""

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from mosquitto import Start, eventually
from mqtt_device import Device

from edge.config import MqttConfig, load_config
from edge.errors import ConfigError
from edge.outputs.mqtt.broker import PASSWORD_VARIABLE, broker_of, reason_of


def settings(**mqtt: Any) -> MqttConfig:
    return load_config(None, {"mqtt": {"enabled": True, "host": "127.0.0.1", **mqtt}}).mqtt


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_broker_of_our_own_authority_is_trusted(
    start: Start, device: Device, authority: Authority
):
    broker = start(*authority.lines())
    config = settings(port=broker.port, tls=True, ca_file=str(authority.file))
    device.run(broker.port, tls=broker_of(config).tls)
    eventually(lambda: "edge/one/availability" in broker.log.read_text())
    assert not device.fails()


@pytest.mark.parametrize(
    "wrong",
    [
        ("certificate has expired", {"lasts": -timedelta(days=1)}),
        ("IP address mismatch", {"address": "127.0.0.2"}),
    ],
)
def test_another_certificate_is_refused(
    start: Start,
    device: Device,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    wrong: tuple[str, dict[str, Any]],
):
    reason, certificate = wrong
    broker = start(*authority.lines(**certificate))
    config = settings(tls=True, ca_file=str(authority.file))
    device.run(broker.port, tls=broker_of(config).tls)
    eventually(device.fails)
    assert f"its certificate is refused: {reason}" in caplog.text


def test_an_authority_that_the_system_does_not_know_is_refused(
    start: Start, device: Device, authority: Authority, caplog: pytest.LogCaptureFixture
):
    broker = start(*authority.lines())
    device.run(broker.port, tls=broker_of(settings(tls=True)).tls)
    eventually(device.fails)
    assert "its certificate is refused: unable to get local issuer certificate" in caplog.text


def test_tls_to_a_broker_without_it_is_told(
    start: Start, device: Device, caplog: pytest.LogCaptureFixture
):
    broker = start()
    device.run(broker.port, tls=ssl.create_default_context())
    eventually(device.fails)
    assert f"output mqtt failed: 127.0.0.1:{broker.port}: " in caplog.text


# --- settings ------------------------------------------------------------------------------------


def test_the_port_follows_the_encryption():
    assert broker_of(settings()).port == 1883
    assert broker_of(settings(tls=True)).port == 8883
    assert broker_of(settings(port=5)).port == 5
    assert str(broker_of(settings(host="::1"))) == "[::1]:1883"


def test_the_password_comes_from_a_file_or_the_environment(tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("se cret\r\nsecond line\n")
    named = settings(username="pi", password_file=str(file))
    assert broker_of(named).password == "se cret"  # noqa: S105
    assert "se cret" not in repr(broker_of(named))
    from_environment = broker_of(settings(username="pi"), {PASSWORD_VARIABLE: "xyz"})
    assert (from_environment.username, from_environment.password) == ("pi", "xyz")
    assert broker_of(settings(username="pi"), {}).password is None
    assert broker_of(settings(), {PASSWORD_VARIABLE: "xyz"}).password is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read it: No such file or directory"),
        (b"\nsecond", "its first line is empty"),
        (b"\xff\xfe", "expected text in UTF-8"),
        (b"x" * 5000, "cannot read it: 5000 bytes, too large"),
    ],
)
def test_a_password_file_that_cannot_be_used_is_one_line(
    tmp_path: Path, content: bytes | None, reason: str
):
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        broker_of(settings(username="pi", password_file=str(file)))
    assert str(refused.value).startswith(f"[mqtt] password_file = '{file}': {reason}")
    assert "second" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"no certificate", b"\xff"])
def test_a_ca_file_that_cannot_be_used_is_one_line(tmp_path: Path, content: bytes | None):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^\[mqtt\] ca_file = "):
        broker_of(settings(tls=True, ca_file=str(file)))


@pytest.mark.parametrize(
    ("exc", "reason"),
    [
        (TimeoutError("timed out"), "it does not answer"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (ConnectionError("the end"), "the end"),
        (ConnectionError(), "ConnectionError"),
    ],
)
def test_a_reason_is_a_few_words(exc: OSError, reason: str):
    assert reason_of(exc) == reason
