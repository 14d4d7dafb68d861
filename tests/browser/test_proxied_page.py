"""The page in Chromium behind a proxy, and in a frame of another site."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from browsing import Page, until
from proxies import proxy

from edge.datatypes import CameraState
from edge.state import KeptFile
from edge.web.auth.forwarded import TrustedProxies
from edge.web.auth.tokens import AccessTokens

pytestmark = pytest.mark.browser

CODE = "k7mf-2q9x-ta"


def test_below_a_path_the_page_logs_in_shows_pauses_and_logs_out(
    chromium: Any, make_device: Callable[..., Any], tmp_path: Path
) -> None:
    device = make_device(code=CODE, proxies=TrustedProxies(["127.0.0.1"]))
    with proxy("nginx below a path", device.port, tmp_path, tls=False) as front:
        page = Page(chromium, front, path=front.path)
        assert page.path == "/faces/login"
        page.press(CODE, "#code")
        page.click("form button")
        until(lambda: page.path == "/faces/")
        until(lambda: page.text("#pill-text") == "Live")
        until(lambda: page.brightness() > 80)
        page.click("#pause")
        until(lambda: device.camera is CameraState.PAUSED)
        until(lambda: page.text("#pause") == "Resume")  # heard through the proxy's event stream
        until(lambda: page.shown("#plot"))
        page.click("#leave")
        until(lambda: page.path == "/faces/login")
        assert [line for line in page.console() if "404" in line] == []


class Dashboard(BaseHTTPRequestHandler):
    """A page of another site, which shows the device in a frame and as an image."""

    device_url = ""

    def do_GET(self) -> None:
        text = f'<iframe src="{self.device_url}"></iframe><img src="{self.device_url}stream.mjpg">'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def dashboard() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dashboard)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_dashboard_of_another_site_shows_a_viewer_link(
    chromium: Any,
    make_device: Callable[..., Any],
    dashboard: ThreadingHTTPServer,
    tmp_path: Path,
    is_allowed: bool,
) -> None:
    tokens = AccessTokens(KeptFile(tmp_path / "access-tokens"))
    token = tokens.add("kitchen", "view")
    site = f"http://localhost:{dashboard.server_port}"
    ancestors = (site,) if is_allowed else ()
    device = make_device(code=CODE, tokens=tokens, frame_ancestors=ancestors)
    Dashboard.device_url = f"http://127.0.0.1:{device.port}/view/{token}/"
    chromium.get("about:blank")
    chromium.get(site)
    until(lambda: chromium.execute_script("return document.images[0].naturalWidth") == 640)
    chromium.switch_to.frame(0)
    shown = "return document.getElementById('pill-text')?.textContent"
    if is_allowed:
        until(lambda: chromium.execute_script(shown) == "Live")
        assert not chromium.execute_script(
            "return document.getElementById('pause').checkVisibility()"
        )
        tokens.remove("kitchen")
        until(lambda: "may have been revoked" in chromium.page_source)
    else:
        assert chromium.execute_script(shown) is None
    chromium.switch_to.default_content()
    chromium.get("about:blank")
