"""The device behind real nginx and real Caddy, as docs/reverse-proxy.md configures them."""

import json
import ssl
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
from gated import CODE, WRITE, Device
from proxies import KINDS, NAME, Proxy, proxy

from edge.datatypes import Report
from edge.web.auth.allowed_hosts import AllowedHosts
from edge.web.auth.forwarded import TrustedProxies
from edge.web.server.server import WebServer

CLIENT, NEIGHBOUR = "127.0.0.2", "127.0.0.3"  # the proxy connects from 127.0.0.1
PROMPTLY_S = 8.0  # an event that a proxy holds back never comes


ANY = ssl.create_default_context()
ANY.check_hostname, ANY.verify_mode = False, ssl.CERT_NONE


class NamedConnection(HTTPSConnection):
    """Asks for the site by its name, by which Caddy picks it, at an address."""

    def connect(self) -> None:
        HTTPConnection.connect(self)
        self.sock = ANY.wrap_socket(self.sock, server_hostname=NAME)


class Site:
    """A device, and requests that reach it by way of a proxy."""

    def __init__(self, folder: Path) -> None:
        self.device = Device(folder / "ended-logins")
        self.device.proxies = TrustedProxies(["127.0.0.1"])
        self.device.hosts = AllowedHosts([NAME])
        app = self.device.make_app()
        self.server = WebServer(app, "127.0.0.1", 0, threads=8, proxies=self.device.proxies)
        self.server.start()

    def stop(self) -> None:
        self.device.scenes.close()
        self.device.reports.close()
        self.server.stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.stop()


@pytest.fixture(params=KINDS)
def front(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[Proxy]:
    with proxy(request.param, site.server.port, tmp_path) as front:
        yield front


def ask(
    front: Proxy,
    path: str,
    method: str = "GET",
    body: str | None = None,
    address: str = CLIENT,
    **headers: str,
) -> HTTPResponse:
    """Send a request from an address; `path` is below that of the device's page."""
    connection = NamedConnection(
        "127.0.0.1", front.port, timeout=20, context=ANY, source_address=(address, 0)
    )
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        names["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, front.path + path, body, {"Host": front.host, **names})
    answer = connection.getresponse()
    front.opened.extend((answer, connection))
    return answer


def log_in(front: Proxy, code: str = CODE, **how: str) -> HTTPResponse:
    how.setdefault("Origin", front.origin)
    return ask(front, "login", "POST", urlencode({"code": code}), **how)


def cookie_of(front: Proxy) -> str:
    answer = log_in(front)
    assert answer.status == 303, answer.read()
    return answer.headers["Set-Cookie"].partition(";")[0]


def test_a_browser_logs_in_and_sees_the_page(front: Proxy) -> None:
    answer = ask(front, "")
    assert (answer.status, answer.headers["Location"]) == (303, "login")
    assert ask(front, "login").status == 200
    answer = log_in(front)
    assert (answer.status, answer.headers["Location"]) == (303, "./")
    cookie = answer.headers["Set-Cookie"]
    assert "; Secure" in cookie
    assert f"; Path={front.path.rstrip('/') or '/'}" in cookie
    sent = cookie.partition(";")[0]
    assert b"Nothing leaves this device" in ask(front, "", Cookie=sent).read()
    for path in ("static/page.js", "palette.css", "api/status"):
        assert ask(front, path, Cookie=sent).status == 200


def test_another_sites_form_is_refused(front: Proxy) -> None:
    assert log_in(front, Origin="https://evil.example").status == 403
    assert log_in(front, Origin=front.origin, X_Forwarded_Host="evil.example").status in (303, 421)


def test_wrong_codes_are_counted_for_the_client_and_not_for_the_proxy(front: Proxy) -> None:
    for n in range(10):
        assert log_in(front, "wrong", X_Forwarded_For=f"203.0.113.{n}").status == 401
    assert log_in(front, X_Forwarded_For="203.0.113.99").status == 429
    assert log_in(front, address=NEIGHBOUR).status == 303


def test_the_page_hears_of_a_pause_at_once(site: Site, front: Proxy) -> None:
    cookie = cookie_of(front)
    hears_of_a_pause(site, front, Cookie=cookie)


def test_a_stock_nginx_passes_events_on_at_once(site: Site, tmp_path: Path) -> None:
    # proxy_pass and nothing else: buffering is on, the Host is the device's own address.
    with proxy("stock nginx", site.server.port, tmp_path) as front:
        hears_of_a_pause(site, front, Authorization=f"Bearer {CODE}")


def hears_of_a_pause(site: Site, front: Proxy, **credentials: str) -> None:
    events = ask(front, "events", **credentials)
    assert events.status == 200
    assert next_event(events)["health"]["camera"] == "live"
    writes = {**WRITE, "Origin": front.origin, **credentials}
    assert ask(front, "api/pause", "POST", **writes).status == 200
    asked_s = time.monotonic()
    site.device.reports.put(Report(snapshot=None, health=site.device.report().health))
    while next_event(events)["health"]["camera"] != "paused":
        assert time.monotonic() - asked_s < PROMPTLY_S
    assert time.monotonic() - asked_s < PROMPTLY_S
    events.close()


def next_event(events: HTTPResponse) -> dict:
    line = events.readline()
    assert line.startswith(b"data: "), line
    assert events.readline() == b"\n"
    return dict(json.loads(line.removeprefix(b"data: ")))


def test_the_first_notice_of_the_stream_comes_at_once(front: Proxy) -> None:
    stream = ask(front, "stream.mjpg", Authorization=f"Bearer {CODE}", Accept_Encoding="gzip")
    assert stream.headers["Content-Encoding"] is None
    asked_s = time.monotonic()
    assert stream.readline() == b"--frame\r\n"
    assert stream.readline() == b"Content-Type: image/jpeg\r\n"
    assert time.monotonic() - asked_s < PROMPTLY_S
    stream.close()


def test_one_client_behind_a_proxy_leaves_threads_for_another(site: Site, front: Proxy) -> None:
    # Of eight threads one client gets six, also when all come from the same proxy.
    held = [ask(front, "events", Authorization=f"Bearer {CODE}") for _ in range(2)]
    assert [answer.status for answer in held] == [200, 200]
    served = site.server._queue._served
    assert dict(served) == {CLIENT: 2}
    other = ask(front, "events", address=NEIGHBOUR, Authorization=f"Bearer {CODE}")
    assert other.status == 200  # it takes one of the first client's two places


def test_a_viewer_link_shows_the_page_behind_a_proxy(site: Site, front: Proxy) -> None:
    token = site.device.tokens.add("kitchen", "view")
    answer = ask(front, f"view/{token}")
    assert (answer.status, answer.headers["Location"]) == (308, f"{token}/")
    assert b'src="static/page.js"' in ask(front, f"view/{token}/").read()
    assert ask(front, f"view/{token}/static/page.js").status == 200
