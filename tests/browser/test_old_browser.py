"""The page in a Chromium without what Safari 14 lacks: dialogs, a timeout of requests and others.

Its style cannot be taken away from it. tests/contract/test_old_browsers.py reads that.
"""

from typing import Any

import pytest
from browsing import DESKTOP, PHONE, THEMES, Page, until

from edge.datatypes import CameraState

pytestmark = pytest.mark.browser

ESCAPE, LEFT = "\ue00c", "\ue012"
SAFARI_14 = """
    for (const name of ["show", "showModal", "close", "open"]) {
      delete HTMLDialogElement.prototype[name];
    }
    delete AbortSignal.timeout;
    delete AbortSignal.any;
    delete Array.prototype.at;
    delete Array.prototype.findLast;
    delete window.structuredClone;
    delete Element.prototype.requestFullscreen;
    const matches = Element.prototype.matches;
    Element.prototype.matches = function (selector) {
      if (selector.includes(":focus-visible")) throw new DOMException(selector, "SyntaxError");
      return matches.call(this, selector);
    };
"""


@pytest.fixture
def page(chromium: Any, device: Any) -> Page:
    return Page(chromium, device, before=SAFARI_14, first_use=True)


def test_the_notice_is_a_dialog_that_the_page_draws(page: Page) -> None:
    page.look_as(PHONE)
    until(lambda: page.shown("#about"))
    assert page.run("document.activeElement.id") == "about-title"
    assert page.attribute("main", "aria-hidden") == "true"
    box = page.box("#about")
    assert box["left"] + box["right"] == pytest.approx(PHONE[0], abs=2)
    assert box["top"] >= 0
    assert box["bottom"] <= PHONE[1]
    page.run("document.getElementById('pause').focus()")
    assert page.run("document.getElementById('about').contains(document.activeElement)")
    page.click("#about .button")
    until(lambda: not page.shown("#about"))
    assert page.run("document.querySelector('main').getAttribute('aria-hidden')") is None
    assert page.path == "/"  # the form was not sent
    page.click("#about-open")
    assert page.shown("#about")
    page.press(ESCAPE)
    assert not page.shown("#about")
    assert page.run("document.activeElement.id") == "about-open"
    page.open(first_use=True)
    until(lambda: page.shown(".face"))
    assert not page.shown("#about")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_drawn_dialog_is_accessible(page: Page, size: tuple[int, int]) -> None:
    until(lambda: page.shown("#about"))
    for theme in THEMES:
        page.look_as(size, theme)
        assert page.violations() == []


def test_the_rest_of_the_page_works(page: Page, device: Any) -> None:
    page.click("#about .button")
    until(lambda: page.shown(".face") and page.brightness() > 80)
    page.press(LEFT, "#scrub")
    until(lambda: page.text("#moment") != "")
    page.press(LEFT, "#past-scrub")
    page.click("#pause")
    until(lambda: device.camera is CameraState.PAUSED)
    until(lambda: page.text("#pause") == "Resume")
    page.click("#full")
    until(lambda: not page.shown("footer"))
    assert page.console() == []
