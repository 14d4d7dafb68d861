"""The doctor's checks of the broker and the hooks, with real Mosquittos."""

import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from findings import FAIL, PASS, verdict
from mosquitto import PROGRAM, Mosquitto, eventually, free_port, listening, needs_mosquitto

from edge.config import Config, load_config
from edge.connection_checks import check_broker, check_hooks
from edge.outputs.mqtt.broker import PASSWORD_VARIABLE
from edge.outputs.mqtt.trial import PAYLOAD
from edge.system.diagnostics import Finding

PASSWORD = "a pass word"  # noqa: S105 (of a test's broker)
RULES = (
    "user one",
    "pattern readwrite emotion-edge/%u/#",
    "pattern write homeassistant/device/emotion-edge-%u/config",
)  # those of docs/mqtt.md


class Brokers:
    """Starts brokers in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[Mosquitto] = []

    def start(self, *lines: str) -> Mosquitto:
        broker = Mosquitto(self.folder, lines or ("allow_anonymous true",))
        broker.start()
        self._started.append(broker)
        return broker

    def with_rules(self, *rules: str) -> Mosquitto:
        """Start one that knows the user `one` and follows these rules."""
        passwords, file = self.folder / "passwords", self.folder / "rules"
        program = Path(PROGRAM or "").with_name("mosquitto_passwd")
        passwd = str(program) if program.exists() else "mosquitto_passwd"
        subprocess.run([passwd, "-b", "-c", str(passwords), "one", PASSWORD], check=True)
        file.write_text("\n".join([*rules, ""]))
        for secret in (passwords, file):
            secret.chmod(0o600)
        return self.start(f"password_file {passwords}", f"acl_file {file}")

    def kill(self) -> None:
        for broker in self._started:
            broker.kill()


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Brokers]:
    brokers = Brokers(tmp_path)
    yield brokers
    brokers.kill()


def settings(port: int, **mqtt: Any) -> Config:
    given = {"enabled": True, "host": "127.0.0.1", "port": port, "device_id": "one", **mqtt}
    return load_config(None, {"mqtt": given})


def tried(port: int, within_s: float = 20.0, **mqtt: Any) -> Finding:
    return check_broker(settings(port, **mqtt), within_s)


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    return {"username": "one"}


def test_a_broker_that_is_off_is_not_asked():
    assert check_broker(load_config()).message == "off"


@needs_mosquitto
def test_nothing_is_published_that_the_broker_keeps_or_a_program_takes_for_a_state(
    brokers: Brokers,
):
    broker = brokers.start()
    with listening(broker.port) as listener:
        finding = tried(broker.port)
        assert verdict(finding) == (PASS, "")
        assert finding.message == f"127.0.0.1:{broker.port}: logged in without a user name"
        listener.say("end", b"")
        eventually(lambda: listener.last("end") is not None)
        assert [heard for heard in listener.heard if heard[0] != "end"] == [
            ("emotion-edge/one/doctor", PAYLOAD, False),
            ("homeassistant/device/emotion-edge-one/config", PAYLOAD, False),
        ]
    with listening(broker.port) as later:
        later.say("end", b"")
        eventually(lambda: later.last("end") is not None)
        assert len(later.heard) == 1
    assert "homeassistant" not in tried(broker.port, discovery=False).message


@needs_mosquitto
def test_a_device_that_runs_keeps_its_connection(brokers: Brokers):
    broker = brokers.start()
    assert verdict(tried(broker.port)) == (PASS, "")
    assert "emotion-edge-one-doctor" in broker.log.read_text()
    assert "as emotion-edge-one (" not in broker.log.read_text()


@needs_mosquitto
def test_the_documented_rules_are_enough(brokers: Brokers, login: dict[str, Any]):
    broker = brokers.with_rules(*RULES)
    finding = tried(broker.port, **login)
    assert verdict(finding) == (PASS, "")
    assert finding.message.endswith(": logged in as one")


@needs_mosquitto
@pytest.mark.parametrize(
    ("rules", "forbidden"),
    [
        (RULES[:2], "homeassistant/device/emotion-edge-one/config"),
        (("user one", "topic write another/#", RULES[2]), "emotion-edge/one/doctor"),
        (
            ("user one", "topic read #"),
            "emotion-edge/one/doctor, homeassistant/device/emotion-edge-one/config",
        ),
    ],
)
def test_topics_that_the_rules_forbid_are_named(
    brokers: Brokers, login: dict[str, Any], rules: tuple[str, ...], forbidden: str
):
    finding = tried(brokers.with_rules(*rules).port, **login)
    assert verdict(finding) == (FAIL, "mqtt-topics")
    assert finding.message.endswith(f": it forbids {forbidden}")


@needs_mosquitto
def test_a_wrong_password_is_a_matter_of_the_login(
    brokers: Brokers, login: dict[str, Any], tmp_path: Path
):
    broker = brokers.with_rules(*RULES)
    wrong = tmp_path / "password"
    wrong.write_text("not the password\n")
    for given in ({**login, "password_file": str(wrong)}, {}):
        finding = tried(broker.port, **given)
        assert verdict(finding) == (FAIL, "mqtt-login")
        assert "it refuses the login" in finding.message
        assert "not the password" not in finding.message


@needs_mosquitto
@pytest.mark.parametrize(
    ("certificate", "knows_authority", "reason"),
    [
        ({}, True, None),
        ({}, False, "unable to get local issuer"),
        ({"lasts": -timedelta(days=1)}, True, "expired"),
    ],
)
def test_encryption(
    brokers: Brokers, certificate: dict[str, Any], *, knows_authority: bool, reason: str | None
):
    authority = Authority(brokers.folder)
    broker = brokers.start(*authority.lines(**certificate))
    file = str(authority.file) if knows_authority else "system"
    finding = tried(broker.port, tls=True, ca_file=file)
    if reason is None:
        assert verdict(finding) == (PASS, "")
        assert finding.message.endswith(", encrypted")
    else:
        assert verdict(finding) == (FAIL, "mqtt-tls")
        assert reason in finding.message


def test_where_nothing_listens():
    finding = tried(free_port())
    assert verdict(finding) == (FAIL, "mqtt-broker")
    assert "Connection refused" in finding.message


def test_a_name_that_does_not_exist():
    finding = tried(1883, host="broker.invalid", within_s=60.0)
    assert verdict(finding) == (FAIL, "mqtt-broker")


@pytest.mark.parametrize("tls", [False, True])
def test_a_broker_that_never_answers_ends_the_check_in_time(*, tls: bool):
    with socket.create_server(("127.0.0.1", 0)) as server:
        finding = tried(server.getsockname()[1], within_s=0.3, tls=tls)
    assert verdict(finding) == (FAIL, "mqtt-broker")
    assert finding.message == "127.0.0.1: it has not answered for 0.3 s"


def test_a_password_for_root_alone_is_a_matter_of_sudo(monkeypatch: pytest.MonkeyPatch):
    def denied(*_args: Any, **_kwargs: Any) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("edge.files.read_file", denied)  # root may read every file
    finding = tried(1883, **{"username": "one", "password_file": "/etc/emotion-edge/password"})
    assert verdict(finding) == (FAIL, "sudo")


@pytest.mark.parametrize(
    ("hooks", "expected", "message"),
    [
        ({}, (PASS, ""), "off"),
        ({"command": ["true"]}, (PASS, ""), "runs a command"),
        (
            {"command": ["true"], "url": "http://a.example/x"},
            (PASS, ""),
            "runs a command and posts to an address",
        ),
        ({"command": ["/etc/passwd"]}, (FAIL, "hooks"), "[hooks] command = ['/etc/passwd']"),
        ({"url_file": "/no"}, (FAIL, "hooks"), "[hooks] url_file = '/no': cannot read it"),
    ],
)
def test_hooks(hooks: dict[str, Any], expected: tuple[Any, str], message: str):
    finding = check_hooks(load_config(None, {"hooks": hooks}).hooks)
    assert verdict(finding) == expected
    assert finding.message.startswith(message)


def test_an_address_in_a_file_is_read_and_not_shown(tmp_path: Path):
    file = tmp_path / "url"
    file.write_text("gopher://se-cret@a.example/\n")
    finding = check_hooks(load_config(None, {"hooks": {"url_file": str(file)}}).hooks)
    assert verdict(finding) == (FAIL, "hooks")
    assert "se-cret" not in finding.message
