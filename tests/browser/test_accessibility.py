"""Whether the page is accessible: axe-core in each state, small windows, large thumbs."""

from collections.abc import Callable
from typing import Any

import pytest
from browsing import DESKTOP, PHONE, THEMES, Page, until

from edge.datatypes import CameraState, LedState, Vitals

pytestmark = pytest.mark.browser

LANDSCAPE, NARROW, ZOOMED = (844, 390), (320, 640), (640, 400)
LIT = LedState(mode="per_emotion", levels={"happy": 0.9, "neutral": 0.0, "status": 1.0})


@pytest.fixture
def device(make_device: Callable[..., Any], past: Callable[..., Any]) -> Any:
    device = make_device(
        history=past([(500, 200, ("sad", "happy")), (100, 5, ("neutral", None))]),
        privacy="pixelate",
    )
    device.leds = LIT
    device.vitals = Vitals(temperature_c=82.0, hot=True)
    return device


def check(page: Page, size: tuple[int, int] = PHONE) -> None:
    for theme in THEMES:
        page.look_as(size, theme, prefers_reduced_motion="reduce")
        assert page.violations() == []


def test_axe_finds_nothing_while_live_or_in_full_screen(page: Page) -> None:
    until(lambda: page.shown(".face") and page.shown("#legend li:not([hidden])"))
    check(page)
    page.click("#full")
    until(lambda: not page.shown("footer"))
    check(page)


def test_axe_finds_nothing_while_paused_lost_or_empty(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    device.pause()
    until(lambda: page.text("#pause") == "Resume")
    check(page)
    device.camera, device.detail = CameraState.LOST, "USB camera 0: no frame for 2.0 s"
    until(lambda: page.text("#pill-text") == "Disconnected")
    check(page, DESKTOP)
    device.labels_in_view = ()
    device.resume()
    until(lambda: page.shown("#empty"))
    check(page)


def test_axe_finds_nothing_without_the_device(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    device.stop()
    until(lambda: page.text("#pill-text") == "Reconnecting")
    check(page)


def test_axe_finds_nothing_in_the_notice(chromium: Any, device: Any) -> None:
    page = Page(chromium, device, first_use=True)
    assert page.shown("#about")
    check(page)


def test_axe_finds_nothing_on_the_login_page(
    chromium: Any, make_device: Callable[..., Any]
) -> None:
    page = Page(chromium, make_device(code="k7wq-m3xd"))
    check(page)
    page.press("wrong", "#code")
    page.click("button")
    until(lambda: page.shown("[role=alert]"))
    check(page)


def test_everything_to_touch_is_large_enough(page: Page) -> None:
    page.look_as(PHONE)
    until(lambda: page.shown(".face"))
    page.click("#about-open")
    small = page.run("""[...document.querySelectorAll("button, a, input")]
        .filter((e) => e.checkVisibility())
        .map((e) => [e.id || e.textContent, e.getBoundingClientRect()])
        .filter(([, box]) => box.width < 44 || box.height < 44)
        .map(([name]) => name)""")
    assert small == []


@pytest.mark.parametrize("size", [NARROW, ZOOMED, LANDSCAPE], ids=["narrow", "zoomed", "landscape"])
def test_nothing_is_cut_off(page: Page, size: tuple[int, int]) -> None:
    page.look_as(size)
    until(lambda: page.shown(".face") and page.shown("#legend li:not([hidden])"))
    assert page.run("document.documentElement.scrollWidth") <= size[0]
    beyond = page.run("""[...document.querySelectorAll("main *, footer *")]
        .filter((e) => e.checkVisibility() && !e.closest("svg, .bars"))
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
        .map((e) => e.id || e.className || e.tagName)""")
    assert beyond == []


def test_only_the_banner_and_the_mood_speak_up(page: Page) -> None:
    until(lambda: page.shown(".face"))
    assert page.texts("[aria-live], [role=status], [role=alert], [role=log], output") == [
        "",
        "happy",
        "",  # of the settings, which are closed
    ]


def test_nothing_moves_for_those_who_want_it_so(page: Page) -> None:
    page.look_as(PHONE, prefers_reduced_motion="reduce")
    until(lambda: page.shown(".face"))
    moving = page.run("""[...document.querySelectorAll("*")].map((e) => getComputedStyle(e))
        .filter((s) => s.animationName !== "none" || parseFloat(s.transitionDuration) > 0)
        .length""")
    assert moving == 0


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Page) -> None:
    until(lambda: page.shown(".face"))
    reached = []
    for _ in range(12):
        page.browser.switch_to.active_element.send_keys("\ue004")
        focused = "document.activeElement"
        reached.append(page.run(f"{focused}.id || {focused}.textContent").strip())
        assert page.run(f"parseFloat(getComputedStyle({focused}).outlineWidth)") >= 2, reached
    past = ["Day", "Week", "past-scrub", "Table"]
    links = ["about-open", "settings-open", "region-open", "History as CSV", "History as JSON"]
    assert reached == ["full", "pause", "scrub", *past, *links]
