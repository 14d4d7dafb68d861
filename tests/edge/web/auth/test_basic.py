"""HTTP Basic authentication, for players and recorders that know nothing else."""

from base64 import b64encode

import pytest
from flask.testing import FlaskClient
from gated import CODE, WRITE, Device
from werkzeug.test import TestResponse

FOR_PLAYERS = ("/stream.mjpg", "/snapshot.jpg", "/api/status", "/events", "/api/history")


def password(code: str, user: str = "camera") -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{code}'.encode()).decode()}"}


def ask(client: FlaskClient, address: str, **how: object) -> TestResponse:
    answer = client.get(address, buffered=False, **how)
    answer.close()
    return answer


@pytest.mark.parametrize("address", FOR_PLAYERS)
@pytest.mark.parametrize("user", ["camera", "", "admin", "müller"])
def test_any_user_with_the_code_as_password_gets_in(
    client: FlaskClient, device: Device, address: str, user: str
) -> None:
    device.scenes.close()  # a snapshot is then refused at once
    assert ask(client, address, headers=password(CODE, user)).status_code in (200, 503)


@pytest.mark.parametrize("address", FOR_PLAYERS)
def test_a_player_is_asked_for_a_password(client: FlaskClient, address: str) -> None:
    answer = ask(client, address)
    assert answer.status_code == 401
    asked = answer.headers.getlist("WWW-Authenticate")
    assert [challenge.partition(" ")[0] for challenge in asked] == ["Basic", "Bearer"]


@pytest.mark.parametrize(
    "how",
    [
        {"headers": WRITE},
        {"headers": {"Sec-Fetch-Site": "same-origin"}},
        {"query_string": {"viewer": "abc"}},
    ],
)
def test_our_page_is_not_asked_since_a_browser_would_open_a_dialog(
    client: FlaskClient, how: dict[str, object]
) -> None:
    for address in FOR_PLAYERS:
        (asked,) = ask(client, address, **how).headers.getlist("WWW-Authenticate")
        assert asked.startswith("Bearer ")


def test_wrong_passwords_are_counted_as_wrong_codes_are(client: FlaskClient) -> None:
    for n in range(10):
        assert ask(client, "/api/status", headers=password(f"wrong-{n}")).status_code == 401
    refused = ask(client, "/api/status", headers=password(CODE))
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert client.post("/login", data={"code": CODE}).status_code == 429


@pytest.mark.parametrize(
    "token", ["", "!", "YQ", "/w==", b64encode(b"\xff:\xff").decode(), b64encode(b"none").decode()]
)
def test_what_cannot_be_decoded_is_a_wrong_password(client: FlaskClient, token: str) -> None:
    headers = {"Authorization": f"Basic {token}"}
    for _ in range(10):
        assert ask(client, "/api/status", headers=headers).status_code == 401
    assert ask(client, "/api/status", headers=headers).status_code == 429


def test_a_request_without_a_password_is_not_counted(client: FlaskClient) -> None:
    for _ in range(20):
        assert ask(client, "/stream.mjpg").status_code == 401
    assert ask(client, "/api/status", headers=password(CODE)).status_code == 200


def test_a_password_may_not_write_for_another_site(client: FlaskClient, device: Device) -> None:
    # A browser that has a password sends it with every request, whichever page causes it.
    for headers in ({}, {"Origin": "http://evil.example"}, {"X-Emotion-Edge": "0"}):
        answer = client.post("/api/pause", headers={**password(CODE), **headers})
        assert answer.status_code == 403
    assert device.camera.value == "live"
    assert client.post("/api/pause", headers={**password(CODE), **WRITE}).status_code == 200
    assert device.camera.value == "paused"


def test_a_proxys_own_password_does_not_count(client: FlaskClient) -> None:
    proxys = password("the proxy's")
    for _ in range(20):
        assert ask(client, "/", headers=proxys).status_code == 303
        assert ask(client, "/static/style.css", headers=proxys).status_code == 200
    assert client.post("/login", data={"code": CODE}, headers=proxys).status_code == 303
    for _ in range(20):  # with the login's cookie
        assert ask(client, "/api/status", headers=proxys).status_code == 200


def test_a_new_code_ends_the_stream_of_the_old_password(
    client: FlaskClient, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.web.app._RECHECK_S", 0.0)
    headers = password(CODE)
    answer = client.get("/events", headers=headers, buffered=False)
    events = iter(answer.response)
    assert next(events)
    device.code = "another-code"
    assert next(events, None) is None
    answer.close()
