"""What one can do on the page: pause, full screen, keys, the notice of first use, notes."""

from collections.abc import Callable
from typing import Any

import pytest
from browsing import PHONE, Page, until

from edge.datatypes import CameraState, Vitals

pytestmark = pytest.mark.browser

ESCAPE = "\ue00c"


@pytest.mark.both_browsers
def test_pause_and_resume(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    assert page.text("#pause") == "Pause"
    page.click("#pause")
    until(lambda: page.text("#pause") == "Resume")
    assert device.camera is CameraState.PAUSED
    assert page.text("#banner") == "The camera is paused and off."
    assert page.text("#pill-text") == "Paused"
    until(lambda: not page.shown(".face"))
    until(lambda: 0 < page.brightness() < 60)
    page.click("#pause")
    until(lambda: page.shown(".face"))
    assert page.text("#pause") == "Pause"
    assert not page.shown("#banner")


def test_a_camera_that_is_being_closed_is_not_called_paused(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    device.camera = CameraState.PAUSING
    until(lambda: page.text("#pill-text") == "Closing")
    assert page.text("#banner") == "The camera is closing. Until then it may be on."
    assert page.text("#pause") == "Resume"
    assert page.text("#mood-text") == "No live data"


def test_the_age_is_that_of_the_picture_shown(
    page: Page, device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device.feed, "age_s", lambda: 8.5)
    until(lambda: page.text("#age") == "8.5 s")
    monkeypatch.setattr(device.feed, "age_s", lambda: None)
    until(lambda: page.text("#age").endswith(" ms"))


def test_somebody_elses_pause_turns_the_button_too(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    device.pause()
    until(lambda: page.text("#pause") == "Resume")


def test_the_button_waits_for_the_device_and_keeps_the_focus(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    device.obeys.clear()
    page.press(" ", "#pause")
    until(lambda: page.run("document.getElementById('pause').disabled"))
    assert page.text("#pause") == "Pause"
    device.obeys.set()
    until(lambda: page.text("#pause") == "Resume")
    until(lambda: not page.run("document.getElementById('pause').disabled"))
    assert page.run("document.activeElement.id") == "pause"


def test_a_pause_that_fails_is_told(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    page.run("(window.fetch = () => Promise.reject(new TypeError('gone')), 0)")
    page.click("#pause")
    until(lambda: page.shown("#banner"))
    expected = "The camera could not be paused: the device does not respond."
    assert page.text("#banner") == expected
    assert page.text("#pause") == "Pause"
    assert device.camera is CameraState.LIVE


def test_no_letter_does_anything(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    page.press("abcdefghijklmnopqrstuvwxyz")
    page.click("#about-open")
    page.press(ESCAPE, "dialog")
    until(lambda: not page.shown("#about"))
    assert page.run("document.body.className") == ""
    assert device.camera is CameraState.LIVE


def test_full_screen_shows_the_picture_and_its_buttons_alone(page: Page) -> None:
    until(lambda: page.shown(".face"))
    page.click("#full")
    until(lambda: page.run("!!document.fullscreenElement"))
    assert page.attribute("#full", "aria-pressed") == "true"
    assert page.shown("#video")
    assert page.shown("#pause")
    assert page.shown("#mood-text")
    assert not page.shown(".face")
    assert not page.shown("footer")
    page.click("#full")
    until(lambda: not page.run("document.fullscreenElement"))
    until(lambda: page.shown(".face"))
    assert page.attribute("#full", "aria-pressed") == "false"


def test_a_phone_without_full_screen_shows_the_picture_in_its_whole_window(page: Page) -> None:
    page.look_as(PHONE)
    until(lambda: page.shown(".face"))
    page.run("(document.documentElement.requestFullscreen = undefined)")
    page.click("#full")
    until(lambda: not page.shown("footer"))
    box = page.box("#video")
    assert (box["width"], box["height"]) == PHONE
    page.look_as((320, 568))
    assert page.box("#room")["right"] < page.box("#pause")["left"]
    page.press(ESCAPE)
    until(lambda: page.shown("footer"))


@pytest.mark.both_browsers
def test_the_notice_of_first_use_comes_once(browser: Any, device: Any) -> None:
    page = Page(browser, device, first_use=True)
    assert page.shown("#about")
    assert page.run("document.getElementById('about').contains(document.activeElement)")
    for words in ("Nothing leaves", "No video and no images", "workplaces", "Art. 5(1)(f)"):
        assert words in page.text("body")
    page.click("#about .button")
    assert not page.shown("#about")
    page.open(first_use=True)
    until(lambda: page.shown(".face"))
    assert not page.shown("#about")
    page.click("#about-open")
    assert page.shown("#about")


def test_the_device_says_how_it_is(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    assert not page.shown("#temperature")
    device.vitals = Vitals(temperature_c=81.4, hot=True)
    until(lambda: page.shown("#temperature"))
    assert page.text("#temperature") == "81 °C"
    until(lambda: "The device is hot and works more slowly." in page.text("#alerts"))
    device.vitals = Vitals(temperature_c=61.0, throttled=True)
    until(lambda: "power supply is too weak" in page.text("#alerts"))
    assert "more slowly" not in page.text("#alerts")
    device.vitals = Vitals(temperature_c=55.0)
    until(lambda: "power supply" not in page.text("#alerts"))


@pytest.mark.parametrize(
    ("privacy", "told"),
    [("off", ""), ("pixelate", "faces are pixelated"), ("boxes-only", "boxes only")],
)
def test_missing_access_code_and_privacy_are_shown(
    chromium: Any, make_device: Callable[..., Any], privacy: str, told: str
) -> None:
    page = Page(chromium, make_device(privacy=privacy))
    assert "No access code: every device on this network can see this page." in page.text("#alerts")
    assert told in page.text("#alerts")
    assert ("Privacy" in page.text("#alerts")) == bool(told)
    assert not page.shown("#leave")
