"""The login, and what becomes of a page whose session has ended."""

from collections.abc import Callable
from typing import Any

import pytest
from browsing import DESKTOP, PHONE, Page, until

pytestmark = pytest.mark.browser

CODE = "k7wq-m3xd"


@pytest.fixture
def device(make_device: Callable[..., Any]) -> Any:
    return make_device(code=CODE)


@pytest.fixture
def login(browser: Any, device: Any) -> Page:
    return Page(browser, device)


def log_in(page: Page, code: str) -> None:
    page.press(code, "#code")
    page.click("button")


@pytest.mark.both_browsers
def test_the_code_opens_the_page(login: Page) -> None:
    login.look_as(PHONE)
    assert login.path == "/login"
    assert "emotion-edge code" in login.text("#hint")
    log_in(login, CODE)
    until(lambda: login.path == "/")
    until(lambda: login.shown(".face"))
    until(lambda: login.brightness() > 80)
    assert "No access code" not in login.text("#alerts")
    assert login.run("document.cookie") == ""
    assert login.console() == []


@pytest.mark.parametrize("size", [PHONE, (844, 390), DESKTOP], ids=["phone", "wide", "desktop"])
def test_the_login_is_one_column_in_the_middle(login: Page, size: tuple[int, int]) -> None:
    login.look_as(size)
    parts = [login.box(selector) for selector in ("h1", "form", "#hint")]
    assert [box["top"] for box in parts] == sorted(box["top"] for box in parts)
    for box in parts:
        assert (box["left"] + box["right"]) / 2 == pytest.approx(size[0] / 2, abs=9)
    assert login.box("form")["width"] > 300


@pytest.mark.both_browsers
def test_without_scripts_the_code_opens_the_live_picture(login: Page) -> None:
    login.browser.allow_scripts(False)
    try:
        login.open("/login")
        log_in(login, CODE)
        until(lambda: login.path == "/")
        until(lambda: login.run("document.querySelector('noscript img')?.naturalWidth") == 640)
        until(lambda: login.brightness("noscript img") > 80)
        assert "JavaScript is off" in login.text("noscript .banner")
        shown = login.run("""[...document.querySelectorAll("body *")]
            .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height > 0)
            .filter((e) => !e.closest("svg, footer, header"))
            .map((e) => e.tagName)""")
        assert sorted({*shown}) == ["DIV", "IMG", "MAIN", "NOSCRIPT", "P", "SECTION"]
        assert shown.count("IMG") == 1
        links = [text.split() for text in login.texts("footer a")]
        assert links == [["History", "as", "CSV"], ["History", "as", "JSON"]]
        buttons = "[...document.querySelectorAll('button, dialog')]"
        assert not login.run(f"{buttons}.some((e) => e.checkVisibility())")
        assert login.console() == []
    finally:
        login.browser.allow_scripts(True)


def test_a_wrong_code_is_told_and_the_right_one_still_opens(login: Page) -> None:
    log_in(login, "wrong")
    until(lambda: login.shown("[role=alert]"))
    assert "Wrong access code" in login.text("[role=alert]")
    assert login.attribute("#code", "autocapitalize") == "none"
    log_in(login, f" {CODE.upper()}")
    until(lambda: login.path == "/")


def test_too_many_tries_are_told_with_the_wait(login: Page) -> None:
    login.browser.execute_async_script("""
        const body = new URLSearchParams("code=wrong");
        const wrong = () => fetch("/login", { method: "POST", body });
        Promise.all(Array.from({ length: 10 }, wrong)).then(arguments[0]);
    """)
    log_in(login, "wrong")
    until(lambda: login.shown("[role=alert]"))
    assert "Too many wrong codes. Try again in" in login.text("[role=alert]")


def test_logging_out_leads_to_the_login_and_back_leads_nowhere(login: Page) -> None:
    log_in(login, CODE)
    until(lambda: login.path == "/")
    until(lambda: login.shown(".face"))
    login.click("#leave")
    until(lambda: login.path == "/login")
    login.open("/")
    assert login.path == "/login"


def test_the_history_can_be_taken_home(login: Page) -> None:
    log_in(login, CODE)
    until(lambda: login.path == "/")
    address = login.run("document.querySelector('a[download]').href")
    text = login.browser.execute_async_script(
        "fetch(arguments[0]).then((answer) => answer.text()).then(arguments[1])", address
    )
    assert text.startswith("time_utc,watched_s,faces,angry,")


def test_a_session_that_ends_leads_to_the_login(login: Page, device: Any) -> None:
    log_in(login, CODE)
    until(lambda: login.path == "/")
    until(lambda: login.texts(".face .label") == ["happy", "surprise"])
    device.code = "another-one"
    until(lambda: login.path == "/login", 30)


def test_the_page_comes_back_logged_in_after_a_restart(
    login: Page, device: Any, make_device: Callable[..., Any]
) -> None:
    log_in(login, CODE)
    until(lambda: login.path == "/")
    until(lambda: login.text("#pill-text") == "Live")
    device.stop()
    until(lambda: login.text("#pill-text") == "Reconnecting")
    make_device(device.port, CODE)
    until(lambda: login.text("#pill-text") == "Live", 30)
    assert login.path == "/"
