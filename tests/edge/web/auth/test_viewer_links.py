"""Links for dashboards: they show, they do not write, they are revoked, they are not logged."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from gated import CODE, WRITE, Device
from msgspec import structs

from edge.config import load_config
from edge.errors import StateError, UsageError
from edge.state import KeptFile
from edge.web.auth.tokens import AccessTokens
from edge.web.auth.viewer_links import without_token
from edge.web.setup import open_access

SHOWN = ("", "palette.css", "static/page.js", "stream.mjpg", "events", "api/status", "api/history")


@pytest.fixture
def token(device: Device) -> str:
    return device.tokens.add("kitchen", "view")


def status(client: FlaskClient, address: str, **how: object) -> int:
    answer = client.get(address, buffered=False, **how)
    answer.close()
    return answer.status_code


def test_a_link_shows_the_page_and_all_that_it_loads(client: FlaskClient, token: str) -> None:
    for address in SHOWN:
        assert status(client, f"/view/{token}/{address}") == 200, address
    text = client.get(f"/view/{token}/").text
    loaded = set(re.findall(r'(?:href|src)="([^"#]+)', text))
    assert "static/page.js" in loaded
    assert not [address for address in loaded if address.startswith(("/", "http"))]
    assert token not in text
    for address in loaded:
        assert status(client, f"/view/{token}/{address}") == 200, address


def test_without_its_last_slash_a_link_leads_to_the_page(client: FlaskClient, token: str) -> None:
    answer = client.get(f"/view/{token}")
    assert (answer.status_code, answer.location) == (308, f"{token}/")


@pytest.mark.parametrize(
    ("method", "address"),
    [
        *(("POST", "api/pause"), ("POST", "api/resume"), ("POST", "logout"), ("POST", "login")),
        *(("GET", "api/history.csv"), ("GET", "login"), ("POST", "stream.mjpg")),
    ],
)
def test_a_link_changes_nothing(
    client: FlaskClient, device: Device, token: str, method: str, address: str
) -> None:
    answer = client.open(f"/view/{token}/{address}", method=method, headers=WRITE)
    assert answer.status_code in (403, 405)
    assert device.camera.value == "live"


def test_the_page_of_a_link_has_no_buttons_that_would_fail(client: FlaskClient, token: str) -> None:
    text = client.get(f"/view/{token}/").text
    assert re.search(r'id="pause"[^>]* hidden', text)
    assert 'id="leave"' not in text
    assert "history.csv" not in text
    client.post("/login", data={"code": CODE})
    text = client.get("/").text
    assert not re.search(r'id="pause"[^>]* hidden', text)
    assert 'id="leave"' in text


@pytest.mark.parametrize("made_up", ["x", "a" * 22, "a" * 65, "..", "%2e%2e", "a b", "", "a%2fb"])
def test_a_token_that_was_never_made_opens_nothing(client: FlaskClient, made_up: str) -> None:
    for address in SHOWN[:1] + SHOWN[3:]:
        assert status(client, f"/view/{made_up}/{address}") in (401, 404), address


def test_a_revoked_link_ends_at_once_even_its_stream(
    client: FlaskClient, device: Device, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.web.app._RECHECK_S", 0.0)
    other = device.tokens.add("hall", "view")
    answer = client.get(f"/view/{token}/events", buffered=False)
    events = iter(answer.response)
    assert next(events)
    # Another process revokes it.
    AccessTokens(KeptFile(device.ended_file.parent / "access-tokens")).remove("kitchen")
    assert next(events, None) is None
    answer.close()
    assert status(client, f"/view/{token}/snapshot.jpg") == 401
    assert status(client, f"/view/{other}/api/status") == 200


def test_a_link_outlives_a_new_code_and_a_restart(device: Device, token: str) -> None:
    device.code = "another-code"
    again = device.make_app().test_client()
    assert status(again, f"/view/{token}/api/status") == 200


def test_the_address_of_a_link_is_told_to_no_other_site(client: FlaskClient, token: str) -> None:
    answer = client.get(f"/view/{token}/api/status")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    # A dashboard of another origin shows the image.
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    answer = client.get("/login")
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_no_answer_holds_the_token(client: FlaskClient, token: str) -> None:
    for address in ("nowhere", "api/pause", "a/b/c"):
        for headers in ({}, {"Accept": "text/html"}):
            answer = client.get(f"/view/{token}/{address}", headers=headers)
            assert token not in answer.text
            assert answer.status_code in (404, 405)


def test_no_log_holds_the_token(
    client: FlaskClient,
    device: Device,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(device, "report", lambda: 1 / 0)
    device.app = device.make_app()
    assert device.app.test_client().get(f"/view/{token}/api/status").status_code == 500
    assert "GET /api/status" in caplog.text
    assert token not in caplog.text
    assert without_token(f"GET /faces/view/{token}/a?b=/c") == "GET /faces/view/.../a?b=/c"


def test_without_a_code_a_link_shows_and_still_does_not_write(tmp_path: Path) -> None:
    web = structs.replace(load_config().web, auth="none", frame_ancestors=["self"])
    access, code = open_access(structs.replace(load_config(), web=web))
    assert (access.authenticator, code) == (None, None)
    assert access.frame_ancestors == ("'self'",)


def test_only_hashes_are_kept(device: Device, token: str) -> None:
    path = device.ended_file.parent / "access-tokens"
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_a_token_of_one_purpose_does_not_serve_another(client: FlaskClient, device: Device) -> None:
    token = device.tokens.add("prometheus", "metrics")
    assert status(client, f"/view/{token}/") == 401
    for scheme in ("Bearer", "bearer"):
        assert status(client, "/api/status", headers={"Authorization": f"{scheme} {token}"}) == 401


def test_the_names_are_checked_and_the_number_is_limited(device: Device) -> None:
    tokens = device.tokens
    for name in ("", "-a", "a b", "a\n", "ü", "a" * 33):
        with pytest.raises(UsageError, match="expected 1 to 32"):
            tokens.add(name, "view")
    tokens.add("a", "view")
    with pytest.raises(UsageError, match="already: remove it first"):
        tokens.add("a", "metrics")
    with pytest.raises(UsageError, match="there is no token 'b'; there are: a"):
        tokens.remove("b")
    for n in range(63):
        tokens.add(f"n{n}", "view")
    with pytest.raises(UsageError, match="there are 64 tokens already"):
        tokens.add("more", "view")


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"a": 1}', '{"a": {"purpose": "view"}}', "[" * 50_000]
)
def test_a_damaged_file_is_named_once_and_changes_nothing(
    client: FlaskClient,
    device: Device,
    token: str,
    content: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = device.ended_file.parent / "access-tokens"
    assert status(client, f"/view/{token}/api/status") == 200
    path.write_text(content)
    with pytest.raises(StateError, match="not what `emotion-edge tokens` writes"):
        device.tokens.purposes()
    # Those known before stay in force; it is logged once, not for each request.
    for _ in range(3):
        assert status(client, f"/view/{token}/api/status") == 200
    assert caplog.text.count("cannot read the tokens") == 1
    path.unlink()
    assert status(client, f"/view/{token}/api/status") == 401


def test_the_page_may_be_embedded_where_the_settings_say_so(device: Device) -> None:
    device.frame_ancestors = ("'self'", "http://ha.local:8123")
    answer = device.make_app().test_client().get("/login")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self' http://ha.local:8123")
    assert "X-Frame-Options" not in answer.headers
