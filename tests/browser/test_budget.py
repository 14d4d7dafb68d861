"""What the page costs: its bytes, its hosts, and what it waits for."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browsing import Page, until

import edge.web
from edge.datatypes import CameraState
from edge.web.stream import JpegFeed

pytestmark = pytest.mark.browser

BUDGET_BYTES = 150_000
# Requested by a shared worker, which the page's own network log leaves out.
WORKER = Path(edge.web.__file__).parent / "static" / "status-worker.js"
ENDLESS = {"/stream.mjpg", "/events"}


class SilentFeed(JpegFeed):
    """Keeps its viewers waiting for the first frame for ever."""

    def parts(self):
        while self.wait_newer(1):
            time.sleep(0.1)
        yield b""


def test_the_page_is_small_and_stays_at_home(page: Page) -> None:
    until(lambda: page.shown(".face"))
    until(lambda: page.brightness() > 80)
    page.click("#about-open")
    assert page.console() == []
    paths, sizes, hosts = {}, {}, set()
    for event in page.browser.network():
        params = event["params"]
        if event["method"] == "Network.requestWillBeSent":
            url = urlsplit(params["request"]["url"])
            hosts.add(url.hostname)
            paths[params["requestId"]] = url.path
        elif event["method"] == "Network.loadingFinished":
            sizes[params["requestId"]] = params["encodedDataLength"]
    loaded = {paths[key]: size for key, size in sizes.items() if paths[key] not in ENDLESS}
    assert hosts == {"127.0.0.1"}
    assert set(paths.values()) >= {"/", "/palette.css", "/static/page.js", "/static/faces.svg"}
    assert "/stream.mjpg" in paths.values()  # the events are the worker's
    assert all(loaded.values())
    total = sum(loaded.values()) + WORKER.stat().st_size
    print(f"{len(loaded) + 1} requests, {total / 1000:.1f} KB")
    assert total < BUDGET_BYTES


@pytest.mark.both_browsers
def test_nothing_leaves_the_host_and_nothing_is_complained_of(page: Page) -> None:
    until(lambda: page.shown(".face"))
    until(lambda: page.brightness() > 80)
    page.click("#past [data-span=week]")
    page.click("#past summary")
    until(lambda: page.run("document.getElementById('past').dataset.shown") == "week")
    page.click("#about-open")
    assert page.console() == []
    assert page.browser.asked_hosts() == {"127.0.0.1"}


@pytest.mark.both_browsers
def test_a_complaint_and_another_host_would_be_noticed(page: Page) -> None:
    page.run("(document.body.append(document.createElement('script')), document.scripts.length)")
    page.run("(document.scripts[document.scripts.length - 1].src = 'http://localhost/x.js', 0)")
    until(lambda: any("Content Security Policy" in said for said in page.console()))
    page.browser.get(f"{page.address.replace('127.0.0.1', 'localhost')}/healthz")
    assert page.browser.asked_hosts() >= {"127.0.0.1", "localhost"}


def test_nothing_waits_for_the_first_picture(
    chromium: Any, make_device: Callable[..., Any]
) -> None:
    device = make_device(feed_type=SilentFeed)
    page = Page(chromium, device)  # returns once the page has loaded, with or without a frame
    until(lambda: page.texts(".face .label") == ["happy", "surprise"])
    until(lambda: len(device.feed.viewers) == 1)
    assert page.brightness() == 0
    assert page.text("#pill-text") == "Live"
    page.click("#pause")
    until(lambda: device.camera is CameraState.PAUSED)
    until(lambda: page.text("#pause") == "Resume")
    page.click("#about-open")
    assert page.shown("#about")


def test_the_manifest_makes_an_app_of_it(page: Page) -> None:
    found = page.browser.execute_cdp_cmd("Page.getAppManifest", {})
    assert found["errors"] == []
    assert found["url"].endswith("/static/manifest.webmanifest")
    problems = page.browser.execute_cdp_cmd("Page.getInstallabilityErrors", {})
    # A headless browser's profile is off the record; nothing else may stand in the way.
    ids = {problem["errorId"] for problem in problems["installabilityErrors"]}
    assert ids <= {"in-incognito"}
