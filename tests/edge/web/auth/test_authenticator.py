"""The authenticator: the code, the cookie it is exchanged for, bearer tokens, and guessing."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from gated import CODE, WRITE, Device

from edge.config import load_config
from edge.datatypes import CameraState
from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.authenticator import Authenticator
from edge.web.auth.rate_limit import plain_address
from edge.web.auth.sessions import LIFETIME_S, Sessions


@pytest.fixture
def guess(client: FlaskClient) -> Callable[..., int]:
    """Return a function that tries a code and returns the status."""

    def guess(code: str, address: str = "192.168.1.2") -> int:
        environ = {"REMOTE_ADDR": address}
        return client.post("/login", data={"code": code}, environ_base=environ).status_code

    return guess


def log_in(client: FlaskClient) -> None:
    assert client.post("/login", data={"code": CODE}).status_code == 303


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


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("192.168.1.2", True)])
def test_an_open_door_is_warned_of_where_others_can_reach_it(
    caplog: pytest.LogCaptureFixture, host: str, warned: bool
) -> None:
    from edge.web.setup import open_access

    access, code = open_access(load_config(None, {"web": {"auth": "none", "host": host}}))
    assert (access.auth, access.authenticator, code) == ("none", None, None)
    assert ("every machine that reaches this device can see the page" in caplog.text) == warned


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


def test_one_address_is_written_in_many_ways() -> None:
    assert plain_address("192.168.1.2") == plain_address("::ffff:192.168.1.2") == "192.168.1.2"
    assert plain_address("fe80::1%eth0") == plain_address("FE80:0::1")
    assert plain_address("2001:db8::1") != plain_address("2001:db8::2")
    assert plain_address("") == plain_address("not an address")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:8080", "192.168.178.20", "[::1]", "[fe80::1]:8080"),
        *("localhost", "LOCALHOST:80", "raspberrypi", "raspberrypi.local:8080", "Pi.Local."),
        "pi.example.org:8080",
    ],
)
def test_names_of_this_device(host: str) -> None:
    assert AllowedHosts(["Pi.Example.org"]).allows(host)


@pytest.mark.parametrize(
    "host",
    [
        *("", ":80", "evil.example", "127.0.0.1.evil.example", "pi.locals", "x.local.evil.example"),
        *("[::1", "::1", "[evil.example]", "a b", "a/b", "127.0.0.1:80:80", "pi.local:http"),
        *("127.0.0.1, evil.example", "user@localhost", "localhost\x00", "1.2.3.4.5", "\u212aelvin"),
    ],
)
def test_names_that_are_not_this_device(host: str) -> None:
    assert not AllowedHosts(["Pi.Example.org"]).allows(host)


def test_pause_and_resume(client: FlaskClient, device: Device) -> None:
    log_in(client)
    assert client.post("/api/pause").status_code == 403
    assert device.camera is CameraState.LIVE
    answer = client.post("/api/pause", headers=WRITE)
    assert answer.status_code == 200
    assert answer.get_json()["health"]["camera"] == "paused"
    assert device.camera is CameraState.PAUSED
    answer = client.post("/api/resume", headers=WRITE, json={})
    assert answer.get_json()["health"]["camera"] == "live"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "localhost"},
        {"Origin": "http://localhost@evil.example"},
        {"Origin": ""},
        {"Origin": "http://localhost:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_somebody_else_is_refused(
    client: FlaskClient, device: Device, headers: dict[str, str]
) -> None:
    assert client.post("/login", data={"code": CODE}, headers=headers).status_code == 403
    log_in(client)
    assert client.post("/api/pause", headers={**WRITE, **headers}).status_code == 403
    assert device.camera is CameraState.LIVE


def test_our_own_form_is_not(client: FlaskClient) -> None:
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/login", data={"code": CODE}, headers=headers).status_code == 303


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"data": b"a=1", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({"data": b"x" * 100_000, "content_type": "application/json"}, 413),
        ({"json": {"any": "thing"}}, 200),
    ],
)
def test_what_a_write_may_carry(client: FlaskClient, body: dict[str, object], status: int) -> None:
    log_in(client)
    assert client.post("/api/pause", headers=WRITE, **body).status_code == status  # type: ignore[arg-type]
