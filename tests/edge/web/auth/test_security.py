"""Every address there is, asked by a client without the code, and by one that lies.

The addresses are read from the application itself: one that is added tomorrow is walked too.
"""

import re
import secrets
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from gated import CODE, WRITE, Device

OPEN = {"/login", "/healthz"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.fixture
def insider(device: Device) -> FlaskClient:
    """A client that is logged in."""
    insider = device.app.test_client()
    assert insider.post("/login", data={"code": CODE}).status_code == 303
    return insider


def addresses(device: Device) -> list[str]:
    """Every address, and every file of the static folder."""
    found = {rule.rule for rule in device.app.url_map.iter_rules() if not rule.arguments}
    folder = Path(device.app.static_folder or "")
    files = {f"/static/{f.relative_to(folder).as_posix()}" for f in folder.rglob("*.*")}
    assert {"/", "/stream.mjpg", "/api/pause", "/static/page.js", *OPEN} <= found | files
    return sorted(found | files)


def ask(client: FlaskClient, method: str, address: str, **how: Any) -> tuple[int, str]:
    """Return the status and the beginning of the body of an answer, which may be endless."""
    answer = client.open(address, method=method, buffered=False, **how)
    first = next(iter(answer.response), b"")
    answer.close()
    text = first.decode("utf-8", "replace") if isinstance(first, bytes) else first
    return answer.status_code, text


def login_assets(client: FlaskClient) -> set[str]:
    found = re.findall(r'(?:href|src)="(static/[^"#?]+)', client.get("/login").text)
    return {f"/{address}" for address in found}


def test_without_the_code_only_the_login_page_its_assets_and_healthz_answer(
    client: FlaskClient, device: Device
) -> None:
    public = OPEN | login_assets(client)
    for address in addresses(device):
        for method in METHODS:
            status, text = ask(client, method, address)
            if address in public or (address.startswith("/static/") and status == 200):
                continue
            expected = (303,) if (address, method) in {("/", "GET"), ("/", "HEAD")} else (401,)
            assert status in expected, f"{method} {address}: {status}"
            assert method == "HEAD" or "login" in text or '"error": "401' in text


def test_what_is_public_in_the_static_folder_is_what_the_login_page_needs(
    client: FlaskClient, device: Device
) -> None:
    def is_served(address: str) -> bool:
        return ask(client, "GET", address)[0] == 200

    needed = login_assets(client)
    assert needed
    assert all(is_served(address) for address in needed)
    public = {path for path in addresses(device) if "/static/" in path and is_served(path)}
    # Beside them what a phone fetches for its home screen, which holds nothing personal either.
    assert {Path(path).suffix for path in public} <= {".css", ".svg", ".png", ".webmanifest"}


def test_no_address_changes_anything_without_the_code(client: FlaskClient, device: Device) -> None:
    for address in addresses(device):
        for method in ("POST", "PUT", "DELETE"):
            ask(client, method, address, headers=WRITE, json={})
    assert device.camera.value == "live"


def test_under_another_name_nothing_answers(
    client: FlaskClient, insider: FlaskClient, device: Device
) -> None:
    for somebody in (client, insider):
        for address in addresses(device):
            for method in METHODS:
                environ = {"HTTP_HOST": "evil.example"}
                status, text = ask(somebody, method, address, environ_overrides=environ)
                assert status == 421, f"{method} {address}"
                assert CODE not in text


@pytest.mark.parametrize("host", ["", "a b", "[", "x" * 300, "localhost:port", "a@b", "\xff"])
def test_a_malformed_name_is_no_name(insider: FlaskClient, device: Device, host: str) -> None:
    for address in addresses(device):
        environ = {"HTTP_HOST": host}
        status, _ = ask(insider, "GET", address, environ_overrides=environ)
        assert status in (400, 421), address


def test_every_answer_is_fenced_in(
    client: FlaskClient, insider: FlaskClient, device: Device
) -> None:
    for somebody in (client, insider):
        for address in [*addresses(device), "/nowhere"]:
            answer = somebody.get(address, buffered=False)
            answer.close()
            headers = answer.headers
            policy = headers["Content-Security-Policy"]
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert headers["Referrer-Policy"] == "same-origin"
            assert not [name for name, _ in headers if name.startswith("Access-Control-")]
            if not address.startswith("/static/"):
                endless = answer.status_code == 200 and address in ("/stream.mjpg", "/events")
                expected = "no-store, no-transform" if endless else "no-store"
                assert headers["Cache-Control"] == expected


def test_every_write_needs_the_header_that_only_our_page_can_set(
    insider: FlaskClient, device: Device
) -> None:
    writes = [
        (method, rule.rule)
        for rule in device.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
    ]
    assert ("POST", "/api/pause") in writes
    for method, address in writes:
        for how in ({}, {"json": {}}, {"headers": {"X-Emotion-Edge": "0"}}):
            status, _ = ask(insider, method, address, **how)
            assert status == (303 if address == "/login" else 403) or address == "/login"
        foreign = {**WRITE, "Origin": "http://evil.example"}
        assert ask(insider, method, address, headers=foreign)[0] == 403
    assert device.camera.value == "live"


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"data": b"x" * 20_000, "content_type": "application/json"}, {413}),
        ({"data": b"\x00\xff{", "content_type": "application/json"}, {400}),
        ({"data": b"[" * 10_000, "content_type": "application/json"}, {400}),
        ({"data": b"<a/>", "content_type": "text/xml"}, {415}),
        ({"data": b"--b\r\n\r\n", "content_type": "multipart/form-data; boundary=b"}, {415}),
    ],
)
def test_bodies_that_are_not_wanted(
    insider: FlaskClient, device: Device, how: dict[str, Any], expected: set[int]
) -> None:
    for rule in device.app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
            status, text = ask(insider, method, rule.rule, headers=WRITE, **how)
            assert status in expected | ({401, 303} if rule.rule == "/login" else set()), rule
            assert "Traceback" not in text
    assert device.camera.value == "live"


@pytest.mark.parametrize(
    "address",
    [
        *("/static/../access-code", "/static/..%2f..%2fstate.py", "/static/%2e%2e/app.py"),
        *("/static//etc/passwd", "/static/....//app.py", "/static/..\\app.py", "/static/%00"),
        *("/static/", "/static", "/templates/index.html", "/.git/config"),
    ],
)
def test_nothing_outside_the_static_folder_is_served(
    client: FlaskClient, insider: FlaskClient, address: str
) -> None:
    assert ask(client, "GET", address)[0] in (401, 308, 404)
    assert ask(insider, "GET", address)[0] in (404, 308)


@pytest.mark.parametrize("value", ["%0d%0aX-Injected:%201", "%0aSet-Cookie:%20a=b", "\u2028"])
def test_nothing_asked_for_becomes_a_header(insider: FlaskClient, value: str) -> None:
    for address in (f"/{value}", f"/events?viewer={value}", f"/api/history?minutes={value}"):
        answer = insider.get(address, buffered=False)
        answer.close()
        assert "X-Injected" not in answer.headers
        assert "Set-Cookie" not in answer.headers
        assert answer.status_code in (200, 400, 404)


def test_the_code_and_the_cookie_are_in_no_answer(insider: FlaskClient, device: Device) -> None:
    cookie = insider.get_cookie(device.cookie)
    assert cookie
    for address in addresses(device):
        _, text = ask(insider, "GET", address)
        assert CODE not in text
        assert cookie.value not in text


def test_somebody_who_makes_up_cookies_and_codes_gets_nowhere(
    client: FlaskClient, device: Device
) -> None:
    for _ in range(12):
        client.set_cookie(device.cookie, secrets.token_urlsafe(40))
        headers = {"Authorization": f"Bearer {secrets.token_hex(5)}"}
        for address in ("/", "/snapshot.jpg", "/api/status"):
            status, _ = ask(client, "GET", address, headers=headers)
            assert status in (401, 429)
    assert ask(client, "GET", "/api/status", headers={"Authorization": f"Bearer {CODE}"})[0] == 429


def test_refusals_are_pages_for_people_and_json_for_programs(
    client: FlaskClient, insider: FlaskClient
) -> None:
    page = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for somebody, address, status in ((client, "/snapshot.jpg", 401), (insider, "/nowhere", 404)):
        answer = somebody.get(address, headers=page)
        assert (answer.status_code, answer.mimetype) == (status, "text/html")
        assert "<script" not in answer.text
        assert somebody.get(address).is_json
    assert insider.get("/api/nowhere", headers=page).is_json
    answer = insider.get("/<b>x", headers=page)
    assert "<b>x" not in answer.text


def test_a_viewer_too_many_sees_a_page(insider: FlaskClient) -> None:
    places = [insider.get("/stream.mjpg", buffered=False) for _ in range(2)]
    answer = insider.get("/stream.mjpg", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert answer.mimetype == "text/html"
    assert "Too many viewers" in answer.text
    assert answer.headers["Retry-After"] == "5"
    for place in places:
        place.close()
