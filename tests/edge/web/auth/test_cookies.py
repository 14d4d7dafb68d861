"""Cookies are shared by all ports of a host name: devices that share one must not collide."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from gated import CODE, WRITE, Device


def names(client: FlaskClient, domain: str = "localhost") -> set[str]:
    """Return the cookies that a browser holds for this host name, whatever the port."""
    return {cookie.key for cookie in client._cookies.values() if cookie.domain == domain}  # type: ignore[union-attr]


def share_cookies(first: Device, second: Device) -> tuple[FlaskClient, FlaskClient]:
    """Return one browser's view of two devices: behind ports of the same host name."""
    browser, other = first.app.test_client(), second.app.test_client()
    other._cookies = browser._cookies
    return browser, other


@pytest.mark.parametrize(
    ("secrets", "codes"),
    [
        ((b"a secret", b"another"), (CODE, CODE)),
        ((b"a secret", b"another"), (CODE, "aaaa-bbbb-cc")),
        ((b"a secret", b"a secret"), (CODE, "aaaa-bbbb-cc")),  # a copied card, with a new code
    ],
)
def test_two_devices_on_one_host_name_keep_their_sessions(
    tmp_path: Path, secrets: tuple[bytes, bytes], codes: tuple[str, str]
) -> None:
    devices = [
        Device(tmp_path / f"ended-{number}", secret=secrets[number], code=codes[number])
        for number in range(2)
    ]
    first, second = share_cookies(*devices)
    assert first.post("/login", data={"code": codes[0]}).status_code == 303
    assert second.post("/login", data={"code": codes[1]}).status_code == 303
    assert first.get("/api/status").status_code == 200
    assert second.get("/api/status").status_code == 200
    assert second.post("/logout", headers=WRITE).status_code == 303
    assert first.get("/api/status").status_code == 200
    assert second.get("/api/status").status_code == 401
    for device in devices:
        device.scenes.close()


def test_the_name_of_the_cookie_outlives_a_restart_and_tells_nothing(tmp_path: Path) -> None:
    device = Device(tmp_path / "ended")
    found = set()
    for app in (device.app, device.make_app()):
        client = app.test_client()
        assert client.post("/login", data={"code": CODE}).status_code == 303
        found |= names(client)
    (name,) = found
    assert name.startswith("emotion-edge-")
    assert "secret" not in name
    assert CODE not in name
    device.scenes.close()


def test_a_cookie_of_https_does_not_stand_in_the_way_of_http(tmp_path: Path) -> None:
    # A browser lets no page of http replace a Secure cookie: the same name would be taken for good.
    device = Device(tmp_path / "ended")
    client = device.app.test_client()
    for scheme in ("https", "http"):
        base = f"{scheme}://localhost"
        assert client.post("/login", data={"code": CODE}, base_url=base).status_code == 303
        assert client.get("/api/status", base_url=base).status_code == 200
    assert len(names(client)) == 2
    device.scenes.close()


def test_over_https_browsers_keep_the_cookie_to_this_host_alone(tmp_path: Path) -> None:
    # RFC 6265bis 4.1.3.2: __Host- is only taken with Secure, Path=/ and without a Domain.
    device = Device(tmp_path / "ended")
    answer = device.app.test_client().post(
        "/login", data={"code": CODE}, base_url="https://localhost"
    )
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-emotion-edge-")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    device.scenes.close()
