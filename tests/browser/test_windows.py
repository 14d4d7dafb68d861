"""Several windows of one browser, which opens six connections to a device and not more."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import Page, until

pytestmark = pytest.mark.browser

CROWDED = "Three windows of this browser show the video already"


class Windows:
    """Windows side by side, as a person arranges them: all are visible."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.first = page.browser.current_window_handle
        self.handles = [self.first]

    def open(self) -> None:
        self.page.browser.switch_to.new_window("window")
        self.handles.append(self.page.browser.current_window_handle)
        self.page.browser.set_script_timeout(10)
        self.page.open()

    def close(self, index: int) -> None:
        self.look(index)
        self.page.browser.close()
        del self.handles[index]
        self.look(0)

    def look(self, index: int) -> Page:
        self.page.browser.switch_to.window(self.handles[index])
        return self.page


@pytest.fixture
def windows(page: Page) -> Iterator[Windows]:
    windows = Windows(page)
    yield windows
    for _ in windows.handles[1:]:
        windows.close(len(windows.handles) - 1)
    page.browser.switch_to.window(windows.first)


def is_live(page: Page) -> bool:
    return bool(page.texts(".face .label") and page.brightness() > 80)


def responds(page: Page) -> bool:
    """Whether a connection is left for a request, such as that of a button."""
    status = page.browser.execute_async_script(
        "const done = arguments[0];"
        "fetch('api/status', {cache: 'no-store', headers: {'X-Emotion-Edge': '1'}})"
        ".then(({status}) => done(status), () => done(0));"
    )
    return bool(status == 200)


def test_three_are_live_and_a_fourth_is_told_why_it_is_not(
    windows: Windows, device: Any, make_device: Callable[..., Any]
) -> None:
    for _ in range(2):
        windows.open()
    for index in range(3):
        until(lambda i=index: is_live(windows.look(i)), 20)
        assert windows.look(index).run("document.hidden") is False
        assert responds(windows.page)
    assert len(device.feed.viewers) == 3
    windows.open()
    fourth = windows.look(3)
    until(lambda: CROWDED in fourth.text("#banner"), 20)
    assert fourth.texts(".face .label") == ["happy", "surprise"]
    assert fourth.brightness() == 0
    assert responds(fourth)
    windows.close(1)
    fourth = windows.look(2)
    until(lambda: is_live(fourth), 20)
    until(lambda: not fourth.shown("#banner"))
    until(lambda: len(device.feed.viewers) == 3)


def test_a_window_that_is_left_open_survives_the_first_one(windows: Windows, device: Any) -> None:
    windows.open()
    until(lambda: is_live(windows.look(1)), 20)
    # Another page in the window that opened the events first.
    windows.look(0).browser.get("about:blank")
    remaining = windows.look(1)
    remaining.run("document.querySelector('.face .label').textContent = 'not updated'")
    until(lambda: remaining.texts(".face .label") == ["happy", "surprise"])
    until(lambda: len(device.feed.viewers) == 1)
    assert is_live(remaining)


@pytest.mark.parametrize(
    "refusal",
    [
        "delete window.SharedWorker",
        "window.SharedWorker = function () { throw new DOMException('no', 'SecurityError'); }",
        "window.SharedWorker = class { port = { postMessage() {} };"
        " constructor() { setTimeout(() => this.onerror(), 100); } }",
    ],
    ids=["missing", "refused", "fails later"],
)
def test_without_a_shared_worker_a_window_is_live_alone(
    page: Page, device: Any, refusal: str
) -> None:
    added = page.browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": refusal}
    )
    try:
        page.open()
        until(lambda: is_live(page), 20)
        until(lambda: len(device.feed.viewers) == 1)
    finally:
        page.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
