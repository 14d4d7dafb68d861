"""Forms as they arrive, straight from a browser and by way of a proxy, byte by byte."""

import socket
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from gated import CODE, Device

from edge.web.server.server import WebServer


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    device = Device(tmp_path_factory.mktemp("state") / "ended-logins")
    yield device
    device.scenes.close()


@pytest.fixture(scope="module")
def server(device: Device) -> Iterator[WebServer]:
    server = WebServer(device.app, "127.0.0.1", 0, threads=4)
    server.start()
    yield server
    server.stop()


def log_in(server: WebServer, *lines: str, version: str = "1.0") -> str:
    """Send the login form with these header lines and return the answer."""
    body = urlencode({"code": CODE})
    head = "\r\n".join(
        [
            f"POST /login HTTP/{version}",
            *(line.replace("PORT", str(server.port)) for line in lines),
            "Connection: close",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            # What every browser and any other client may add, and what proves nothing.
            "X-Forwarded-Host: pi.example.org",
            "X-Forwarded-For: 192.168.1.2",
            "Forwarded: host=pi.example.org",
        ]
    )
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), 5) as client:
        client.sendall(f"{head}\r\n\r\n{body}".encode())
        while more := client.recv(65536):
            answer += more
    return answer.decode()


@pytest.mark.parametrize(
    "lines",
    [
        # nginx's proxy_pass alone: HTTP/1.0, and the address it connects to as the Host.
        ("Host: 127.0.0.1:PORT", "Origin: https://pi.example.org", "Sec-Fetch-Site: same-origin"),
        # proxy_set_header Host $host:$server_port: a port that the Origin does not name.
        ("Host: localhost:443", "Origin: https://localhost"),
        ("Host: localhost:80", "Origin: http://localhost"),
        ("Host: [::1]:80", "Origin: http://[::1]"),
        # proxy_set_header Host $http_host: as without a proxy.
        ("Host: pi.local:8443", "Origin: https://pi.local:8443"),
        ("Host: PI.local", "Origin: http://pi.local"),
        ("Host: pi.local", "Sec-Fetch-Site: none"),
        ("Host: pi.local",),
    ],
)
def test_what_a_request_can_prove_is_enough(server: WebServer, lines: tuple[str, ...]) -> None:
    assert log_in(server, *lines).startswith("HTTP/1.1 303")


@pytest.mark.parametrize(
    "lines",
    [
        # The same proxy over http, where a browser sends no Sec-Fetch-Site.
        ("Host: 127.0.0.1:PORT", "Origin: http://pi.example.org"),
        ("Host: pi.local", "Origin: https://pi.local:8443"),
        ("Host: 127.0.0.1:PORT", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"),
        ("Host: 127.0.0.1:PORT", "Origin: https://evil.example", "Sec-Fetch-Site: same-site"),
        ("Host: 127.0.0.1:PORT", "Origin: https://evil.example", "Sec-Fetch-Site: none"),
        ("Host: 127.0.0.1:PORT", "Sec-Fetch-Site: same-origin, cross-site"),
        ("Host: pi.local:443", "Origin: http://pi.local"),
        ("Host: pi.local:80", "Origin: https://pi.local"),
        ("Host: pi.local:80:80", "Origin: http://pi.local"),
        ("Host: 127.0.0.1:PORT", "Origin: null"),
    ],
)
def test_what_proves_nothing_is_refused(server: WebServer, lines: tuple[str, ...]) -> None:
    answer = log_in(server, *lines)
    assert answer.startswith(("HTTP/1.1 403", "HTTP/1.1 400"))
    assert "Set-Cookie" not in answer


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_the_refusal_names_the_remedy_for_a_proxy(server: WebServer, accept: str) -> None:
    lines = ("Host: 127.0.0.1:PORT", "Origin: http://pi.example.org", f"Accept: {accept}")
    answer = log_in(server, *lines)
    assert answer.startswith("HTTP/1.1 403")
    (line,) = [line for line in answer.splitlines() if "another site sent this form" in line]
    assert "proxy_set_header Host $http_host;" in line


def test_under_a_name_that_is_not_ours_same_origin_proves_nothing(server: WebServer) -> None:
    # A page that rebinds its name to the device's address is of the same origin, for a browser.
    answer = log_in(
        server,
        "Host: evil.example",
        "Origin: http://evil.example",
        "Sec-Fetch-Site: same-origin",
    )
    assert answer.startswith("HTTP/1.1 421")
