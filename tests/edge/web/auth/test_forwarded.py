"""Who is believed about a request, and what: with made-up proxies, header by header."""

import pytest
from flask.testing import FlaskClient
from gated import CODE, WRITE, Device

from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.forwarded import TrustedProxies

PROXY = "192.168.1.5"


@pytest.fixture
def client(device: Device) -> FlaskClient:
    device.proxies = TrustedProxies([PROXY, "172.30.32.0/23", "fd00::5"])
    device.hosts = AllowedHosts(["faces.example.org"])
    return device.make_app().test_client(use_cookies=False)


def by(peer: str, **headers: str) -> dict[str, object]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"environ_base": {"REMOTE_ADDR": peer}, "headers": names}


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        (PROXY, "203.0.113.9", "203.0.113.9"),
        (PROXY, "10.9.9.9, 203.0.113.9", "203.0.113.9"),  # the client wrote the first
        (PROXY, "203.0.113.9, 172.30.32.2", "203.0.113.9"),  # two proxies
        (PROXY, "", PROXY),
        (PROXY, "nonsense", PROXY),
        (PROXY, "203.0.113.9, nonsense", PROXY),
        (PROXY, "203.0.113.9,", PROXY),
        (PROXY, "172.30.32.2", "172.30.32.2"),
        (PROXY, "203.0.113.9:4711", "203.0.113.9"),
        (PROXY, "[2001:db8::9]:4711", "2001:db8::9"),
        (PROXY, "2001:db8::9", "2001:db8::9"),
        (PROXY, "::ffff:203.0.113.9", "203.0.113.9"),
        (PROXY, ", ".join(["203.0.113.9"] + [PROXY] * 1000), PROXY),
        (f"::ffff:{PROXY}", "203.0.113.9", "203.0.113.9"),
        ("fd00::5", "203.0.113.9", "203.0.113.9"),
        ("192.168.1.6", "203.0.113.9", "192.168.1.6"),  # not a proxy
        ("nonsense", "203.0.113.9", "nonsense"),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy(
    peer: str, forwarded_for: str, client: str
) -> None:
    proxies = TrustedProxies([PROXY, "172.30.32.0/23", "fd00::5"])
    assert proxies.client_behind(peer, forwarded_for) == client


def guess(client: FlaskClient, peer: str, forwarded_for: str, code: str = "wrong") -> int:
    how = by(peer, X_Forwarded_For=forwarded_for)
    return client.post("/login", data={"code": code}, **how).status_code


def test_wrong_codes_are_counted_for_the_real_client(client: FlaskClient) -> None:
    for n in range(10):
        assert guess(client, PROXY, f"10.0.0.{n}, 203.0.113.9") == 401
    assert guess(client, PROXY, "203.0.113.9", CODE) == 429
    assert guess(client, PROXY, "203.0.113.10", CODE) == 303


def test_another_machine_cannot_claim_to_be_many(client: FlaskClient) -> None:
    for n in range(10):
        assert guess(client, "192.168.1.6", f"203.0.113.{n}") == 401
    assert guess(client, "192.168.1.6", "203.0.113.99", CODE) == 429


def test_behind_https_the_cookie_is_secure(client: FlaskClient) -> None:
    for peer, proto, is_secure in (
        (PROXY, "https", True),
        (PROXY, "http, HTTPS", True),
        (PROXY, "https, http", False),
        (PROXY, "gopher", False),
        ("192.168.1.6", "https", False),
    ):
        answer = client.post("/login", data={"code": CODE}, **by(peer, X_Forwarded_Proto=proto))
        assert ("; Secure" in answer.headers["Set-Cookie"]) is is_secure, (peer, proto)
        assert answer.headers["Set-Cookie"].startswith("__Host-") is is_secure


def test_the_host_is_the_one_that_the_browser_asked_for(client: FlaskClient) -> None:
    def log_in(peer: str, host: str, origin: str = "https://faces.example.org") -> int:
        how = by(peer, X_Forwarded_Host=host, Origin=origin)
        return client.post("/login", data={"code": CODE}, **how).status_code

    assert log_in(PROXY, "faces.example.org") == 303
    assert log_in(PROXY, "evil.example, faces.example.org") == 303
    assert log_in(PROXY, "faces.example.org", "https://evil.example") == 403
    assert log_in(PROXY, "evil.example", "https://evil.example") == 421
    assert log_in(PROXY, "a b") == 400
    assert log_in("192.168.1.6", "faces.example.org") == 403


@pytest.mark.parametrize("header", ["X_Forwarded_Prefix", "X_Ingress_Path"])
@pytest.mark.parametrize("path", ["", "/faces"])
def test_below_a_path_the_cookie_is_for_that_path_only(
    client: FlaskClient, header: str, path: str
) -> None:
    how = by(PROXY, **{header: "/faces/", "X_Forwarded_Proto": "https"})
    answer = client.post(f"{path}/login", data={"code": CODE}, **how)
    assert (answer.status_code, answer.location) == (303, "./")
    cookie = answer.headers["Set-Cookie"]
    assert "; Path=/faces" in cookie
    assert cookie.startswith("__Secure-emotion-edge-")
    name, _, value = cookie.partition(";")[0].partition("=")
    how["headers"] = {**how["headers"], "Cookie": f"{name}={value}"}
    text = client.get(f"{path}/", **how).text
    assert 'src="static/page.js"' in text
    answer = client.get(path or "/api/status", **how)
    expected = (308, "faces/") if path else (200, None)
    assert (answer.status_code, answer.location) == expected


@pytest.mark.parametrize(
    "prefix", ["faces", "//evil.example", "/../x", "/a/./b", "/a b", "/a;Path=/", "/é", "/", "/%2e"]
)
def test_a_prefix_that_is_no_plain_path_is_ignored(client: FlaskClient, prefix: str) -> None:
    answer = client.post("/login", data={"code": CODE}, **by(PROXY, X_Forwarded_Prefix=prefix))
    assert answer.status_code == 303
    assert "Path=/;" in answer.headers["Set-Cookie"] + ";"


def test_a_viewer_link_works_below_a_path(client: FlaskClient, device: Device) -> None:
    token = device.tokens.add("kitchen", "view")
    how = by(PROXY, X_Forwarded_Prefix="/faces")
    writes = by(PROXY, X_Forwarded_Prefix="/faces", **WRITE)
    for path in ("", "/faces"):
        assert client.get(f"{path}/view/{token}/api/status", **how).status_code == 200
        assert client.get(f"{path}/view/{token}", **how).location == f"{token}/"
        answer = client.post(f"{path}/view/{token}/api/pause", **writes)
        assert answer.status_code == 403


@pytest.mark.parametrize("address", ["/stream.mjpg", "/events"])
def test_no_proxy_holds_back_what_never_ends(client: FlaskClient, address: str) -> None:
    how = {"headers": {"Authorization": f"Bearer {CODE}"}}
    with client.get(address, buffered=False, **how) as answer:
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert answer.headers["Cache-Control"] == "no-store, no-transform"
    assert "X-Accel-Buffering" not in client.get("/api/status", **how).headers
