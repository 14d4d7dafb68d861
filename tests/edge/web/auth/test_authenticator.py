"""The authenticator: the code, the cookie it is exchanged for, and bearer tokens."""

import pytest
from flask.testing import FlaskClient
from gated import CODE, WRITE, Device, log_in

from edge.web.auth.authenticator import Authenticator
from edge.web.auth.sessions import LIFETIME_S, Sessions


@pytest.mark.parametrize(
    "code", [CODE, "K7MF-2Q9X-TA", " k7mf 2q9x ta ", "k7mf2q9xta", "k7mf\u20132q9x\u2013ta"]
)
def test_the_code_is_exchanged_for_a_cookie(client: FlaskClient, code: str) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.location) == (303, "login")
    answer = client.post("/login", data={"code": code})
    assert (answer.status_code, answer.location) == (303, "./")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie
    assert f"Max-Age={LIFETIME_S}" in cookie
    assert "Secure" not in cookie
    assert CODE not in cookie
    assert client.get("/").status_code == 200
    assert client.get("/api/status").get_json()["auth"] == "code"
    assert client.get("/login").status_code == 303


def test_over_tls_the_cookie_stays_there(client: FlaskClient) -> None:
    answer = client.post("/login", data={"code": CODE}, base_url="https://localhost")
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("code", ["", "k7mf-2q9x-tb", "k7mf", CODE * 2, "x" * 10_000, "ключ", "\0"])
def test_a_wrong_code_gets_the_login_page_again(client: FlaskClient, code: str) -> None:
    answer = client.post("/login", data={"code": code})
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert 'name="code"' in answer.text
    assert client.get("/api/status").status_code == 401


def test_machines_bring_the_code_themselves(client: FlaskClient) -> None:
    def status(authorization: str) -> int:
        return client.get("/api/status", headers={"Authorization": authorization}).status_code

    assert status(f"Bearer {CODE}") == 200
    assert status(f"bearer {CODE}") == 200
    for wrong in ("Bearer x", "Bearer", "Bearer ", f"Basic {CODE}", CODE, "Bearer k7mf=2q9x"):
        assert status(wrong) == 401
    assert client.post("/api/pause", headers={"Authorization": f"Bearer {CODE}"}).status_code == 200


def test_logging_out_ends_the_login_for_good(client: FlaskClient, device: Device) -> None:
    log_in(client)
    cookie = client.get_cookie(device.cookie)
    assert cookie
    assert client.post("/logout", headers=WRITE).location == "login"
    assert client.get("/api/status").status_code == 401
    for app in (device.app, device.make_app()):  # also after a restart
        thief = app.test_client()
        thief.set_cookie(device.cookie, cookie.value)
        assert thief.get("/api/status").status_code == 401
    log_in(client)
    assert client.get("/api/status").status_code == 200


def test_a_login_outlives_a_restart(client: FlaskClient, device: Device) -> None:
    log_in(client)
    cookie = client.get_cookie(device.cookie)
    assert cookie
    again = device.make_app().test_client()
    again.set_cookie(device.cookie, cookie.value)
    assert again.get("/api/status").status_code == 200


def test_a_new_code_ends_every_login_and_every_stream(client: FlaskClient, device: Device) -> None:
    log_in(client)
    stream = iter(client.get("/events", buffered=False).response)
    assert next(stream)
    device.code = "aaaa-bbbb-cc"
    assert client.get("/api/status").status_code == 401
    assert len(list(stream)) <= 2  # within a second or two


def test_a_login_with_a_code_that_is_replaced_meanwhile_is_void() -> None:
    codes = iter(["aaaa-bbbb-cc"])
    authenticator = Authenticator(lambda: next(codes, "k7mf-2q9x-ta"), Sessions(b"secret"))
    assert authenticator.check_code("aaaa bbbb cc", "192.0.2.1").accepted
    assert not authenticator.accepts(authenticator.issue("aaaa bbbb cc"))


def test_a_clock_that_was_ahead_does_not_undo_a_logout(client: FlaskClient, device: Device) -> None:
    log_in(client)
    cookie = client.get_cookie(device.cookie)
    client.post("/logout", headers={"X-Emotion-Edge": "1"})
    device.wall_clock.now_s += 10 * LIFETIME_S
    log_in(client)
    client.post("/logout", headers={"X-Emotion-Edge": "1"})
    device.wall_clock.now_s -= 10 * LIFETIME_S
    assert cookie is not None
    client.set_cookie(device.cookie, cookie.value)
    assert client.get("/api/status").status_code == 401


def test_a_login_runs_out(client: FlaskClient, device: Device) -> None:
    log_in(client)
    device.wall_clock.now_s += LIFETIME_S - 1
    assert client.get("/api/status").status_code == 200
    device.wall_clock.now_s += 2
    assert client.get("/api/status").status_code == 401


def test_a_clock_that_is_late_after_booting_ends_no_login(
    client: FlaskClient, device: Device
) -> None:
    log_in(client)
    device.wall_clock.now_s -= 3600
    assert client.get("/api/status").status_code == 200


def test_a_changed_cookie_is_worth_nothing(client: FlaskClient, device: Device) -> None:
    log_in(client)
    cookie = client.get_cookie(device.cookie)
    assert cookie
    for place in range(len(cookie.value)):
        if cookie.value[place] == "." or place == len(cookie.value) - 1:
            continue  # the last character's spare bits are not part of the signature
        letter = "A" if cookie.value[place] != "A" else "B"
        client.set_cookie(device.cookie, cookie.value[:place] + letter + cookie.value[place + 1 :])
        assert client.get("/api/status").status_code == 401, place
    for value in ("", ".", "a.b", "x" * 4000, cookie.value + "A", cookie.value[:-4]):
        client.set_cookie(device.cookie, value)
        assert client.get("/api/status").status_code == 401, value


def test_a_cookie_of_another_device_is_worth_nothing(client: FlaskClient, device: Device) -> None:
    client.set_cookie(device.cookie, Sessions(b"another secret").issue("k7mf2q9xta"))
    assert client.get("/api/status").status_code == 401
