"""Codes that are guessed: how often, by which address, and what is logged."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from gated import CODE, Device, log_in


@pytest.fixture
def guess(client: FlaskClient) -> Callable[..., int]:
    """Return a function that tries a code and returns the status."""

    def guess(code: str, address: str = "192.168.1.2") -> int:
        environ = {"REMOTE_ADDR": address}
        return client.post("/login", data={"code": code}, environ_base=environ).status_code

    return guess


def test_ten_wrong_tries_a_minute_and_no_more(
    guess: Callable[..., int], client: FlaskClient, device: Device
) -> None:
    assert [guess("wrong") for _ in range(10)] == [401] * 10
    assert guess("wrong") == 429
    assert guess(CODE) == 429  # or guessing would go on
    assert guess("wrong", "192.168.1.3") == 401
    answer = client.get(
        "/api/status",
        headers={"Authorization": f"Bearer {CODE}"},
        environ_base={"REMOTE_ADDR": "192.168.1.2"},
    )
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    device.clock.now_s += 59
    assert guess(CODE) == 429
    device.clock.now_s += 1
    assert guess(CODE) == 303


def test_who_guesses_is_logged_once_a_minute_and_what_they_guess_never(
    guess: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(30):
        guess("my-other-password")
    assert [r.message for r in caplog.records] == [
        "web: too many wrong access codes from 192.168.1.2"
    ]


def test_guesses_by_bearer_count_too(client: FlaskClient, guess: Callable[..., int]) -> None:
    for number in range(10):
        headers = {"Authorization": f"Bearer {number}"}
        answer = client.get("/nowhere", headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.1"})
        assert answer.status_code == 401
    assert guess("wrong", "10.0.0.1") == 429


def test_strangers_lock_out_themselves_and_no_one_else(guess: Callable[..., int]) -> None:
    assert guess(CODE, "192.168.1.9") == 303
    for host in range(6):
        assert [guess("wrong", f"10.0.0.{host}") for _ in range(10)] == [401] * 10
    assert guess("wrong", "10.0.0.0") == 429
    assert guess(CODE, "10.0.0.0") == 429
    assert guess(CODE, "10.0.0.7") == 303
    assert guess("wrong", "10.0.0.8") == 401
    assert guess(CODE, "10.0.0.8") == 429  # it has tried before, in a minute of many wrong tries
    assert guess(CODE, "192.168.1.9") == 303
    assert [guess("wrong", "192.168.1.9") for _ in range(11)] == [401] * 10 + [429]


def test_after_a_restart_in_a_flood_a_known_machine_is_admitted(
    device: Device, guess: Callable[..., int]
) -> None:
    machine = {"REMOTE_ADDR": "192.168.1.9"}
    authorization = {"Authorization": f"Bearer {CODE}"}
    client = device.make_app().test_client()
    for host in range(7):
        for _ in range(10):
            environ = {"REMOTE_ADDR": f"10.0.0.{host}"}
            client.post("/login", data={"code": "wrong"}, environ_base=environ)
    answer = client.get("/api/status", headers=authorization, environ_base=machine)
    assert answer.status_code == 200


def test_a_login_is_not_touched_by_somebody_elses_guesses(
    client: FlaskClient, guess: Callable[..., int]
) -> None:
    log_in(client)
    for host in range(7):
        for _ in range(10):
            guess("wrong", f"10.0.0.{host}")
    assert client.get("/api/status").status_code == 200
