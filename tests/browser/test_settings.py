"""The owner's settings in Chromium: what they show, send and keep, and who else changes them."""

from collections.abc import Callable
from typing import Any

import pytest
from browsing import DESKTOP, PHONE, THEMES, Page, until

from edge.config import load_layers
from edge.datatypes import CameraState, Pause
from edge.owner_settings import OwnerSettings

pytestmark = pytest.mark.browser

ARROW_LEFT, ESCAPE = "\ue012", "\ue00c"
MODE = {"leds": {"mode": "per_emotion"}}


def owner_of(**sections: Any) -> OwnerSettings:
    return OwnerSettings(load_layers(None, {**MODE, **sections}), None)


@pytest.fixture
def owner() -> OwnerSettings:
    return owner_of()


@pytest.fixture
def device(make_device: Callable[..., Any], owner: OwnerSettings) -> Any:
    device = make_device(settings=owner)

    def follow(config: Any) -> None:
        if device.feed.privacy != config.stream.privacy:
            device.feed.set_privacy(config.stream.privacy)

    owner.follow(follow)
    return device


def opened(page: Page) -> Page:
    page.click("#settings-open")
    until(lambda: page.shown("#settings"))
    return page


def set_to(page: Page, selector: str, value: str, event: str = "change") -> None:
    page.run(
        f"(e => {{ e.value = {value!r};"
        f" e.dispatchEvent(new Event({event!r}, {{ bubbles: true }})); }})"
        f"(document.querySelector({selector!r}))"
    )


@pytest.mark.both_browsers
def test_each_change_is_in_force_at_once(page: Page, owner: OwnerSettings) -> None:
    opened(page)
    assert page.run("document.activeElement.id") == "settings-title"
    set_to(page, "#set-privacy", "boxes-only")
    until(lambda: owner.config.stream.privacy == "boxes-only")
    until(lambda: "boxes only" in page.text("#privacy"))
    set_to(page, "#set-smoothing", "calm")
    until(lambda: owner.config.smoother.min_dwell_s == 1.5)
    page.click("#set-daily")
    until(lambda: owner.config.schedule.pause_from == "22:00")
    set_to(page, "#set-until", "06:30")
    until(lambda: owner.config.schedule.pause_until == "06:30")
    page.click("#set-keep")
    until(lambda: owner.config.schedule.keep_pause)
    until(lambda: page.text("#set-told") == "Saved.")
    page.click("#set-daily")
    until(lambda: owner.config.schedule.pause_from == "none")
    page.click("#set-reset")
    until(lambda: owner.config == owner_of().config)
    until(lambda: page.run("document.getElementById('set-privacy').value") == "off")
    until(lambda: page.run("document.getElementById('set-reset').disabled"))
    page.press(ESCAPE, "dialog[open]")
    until(lambda: not page.shown("#settings"))
    until(lambda: page.run("document.activeElement.id") == "settings-open")


def test_a_late_answer_does_not_undo_what_was_changed_since(
    page: Page, owner: OwnerSettings
) -> None:
    opened(page)
    page.hold_answers()
    page.click("#set-daily")
    until(lambda: owner.config.schedule.pause_from == "22:00")
    set_to(page, "#set-until", "06:30")  # sent after a second
    set_to(page, "#set-privacy", "boxes-only")
    until(lambda: owner.config.stream.privacy == "boxes-only")
    page.release_answers(2)
    until(lambda: owner.config.schedule.pause_until == "06:30")
    until(lambda: page.text("#set-told") == "Saved.")
    assert page.run("document.getElementById('set-until').value") == "06:30"
    assert page.run("document.getElementById('set-privacy').value") == "boxes-only"


def test_two_clicks_open_the_settings_once(page: Page) -> None:
    page.hold_answers()
    for _ in range(2):
        page.click("#settings-open")
    page.release_answers(2)
    until(lambda: page.shown("#settings"))
    assert page.console() == []


def test_the_brightness_by_keyboard(page: Page, owner: OwnerSettings) -> None:
    opened(page)
    page.press(ARROW_LEFT * 3, "#set-brightness")
    until(lambda: owner.config.leds.brightness == 0.97)
    assert page.text("#set-percent") == "97%"
    assert page.attribute("#set-brightness", "aria-valuetext") == "97%"
    assert owner.version == 1  # three keys, one request


def test_what_mqtt_changes_is_shown_without_a_reload(page: Page, owner: OwnerSettings) -> None:
    until(lambda: page.shown(".face"))
    assert not page.shown("#privacy")
    opened(page)
    owner.change_for_now("privacy", "pixelate")
    owner.change_for_now("brightness", 0.37)
    until(lambda: page.text("#set-percent") == "37%")
    assert page.run("document.getElementById('set-privacy').value") == "pixelate"
    until(lambda: page.text("#privacy") == "Privacy mode: faces are pixelated.")
    page.click("#settings .strong")
    owner.change_for_now("privacy", "off")
    until(lambda: not page.shown("#privacy"))


def test_without_leds_and_below_the_files_privacy_nothing_can_be_chosen(
    chromium: Any, make_device: Callable[..., Any]
) -> None:
    owner = owner_of(leds={"mode": "off"}, stream={"privacy": "pixelate"})
    page = opened(Page(chromium, make_device(settings=owner, privacy="pixelate")))
    assert not page.shown("#set-brightness")
    assert "this device has no LEDs" in page.text("#set-no-leds")
    assert page.shown("#set-no-leds")
    assert page.shown("#set-floor")
    options = "[...document.getElementById('set-privacy').options].map((o) => o.disabled)"
    assert page.run(options) == [True, False, False]


def test_a_refused_change_is_told_and_undone(page: Page, owner: OwnerSettings) -> None:
    opened(page)
    page.click("#set-daily")
    until(lambda: owner.config.schedule.pause_from == "22:00")
    set_to(page, "#set-until", "22:00")
    until(lambda: page.text("#set-told").startswith("Not saved"))
    until(lambda: page.run("document.getElementById('set-until').value") == "07:00")
    page.run("(window.fetch = () => Promise.reject(new TypeError('gone')), 0)")
    page.click("#set-keep")
    until(lambda: page.text("#set-told") == "Not saved: the device does not respond.")
    until(lambda: not page.run("document.getElementById('set-keep').checked"))
    page.console()  # the refusal


@pytest.mark.parametrize(
    ("pause", "told"),
    [
        (Pause(by="schedule", until="07:00"), "The camera is off until 07:00, as scheduled."),
        (Pause(by="clock"), "The camera is off: the schedule needs the time of day"),
        (Pause(), "The camera is paused and off."),
    ],
)
def test_a_pause_says_until_when(page: Page, device: Any, pause: Pause, told: str) -> None:
    device.camera, device.pause_reason = CameraState.PAUSED, pause
    until(lambda: page.text("#banner").startswith(told))
    assert page.text("#pause") == "Resume"


def test_axe_finds_nothing_in_the_settings(page: Page, owner: OwnerSettings) -> None:
    owner.change({"pause_from": "22:00", "pause_until": "07:00"})
    opened(page)
    for theme in THEMES:
        for size in (PHONE, DESKTOP):
            page.look_as(size, theme, prefers_reduced_motion="reduce")
            assert page.violations() == []
    page.look_as(PHONE)
    small = page.run("""[...document.querySelectorAll(
        "#settings :is(button, select, [type=range], [type=time], .tick)")]
        .map((e) => [e.id || e.textContent, e.getBoundingClientRect()])
        .filter(([, box]) => box.width < 44 || box.height < 44).map(([name]) => name)""")
    assert small == []
    assert page.run("document.getElementById('settings').scrollWidth") <= PHONE[0]
    page.look_as((320, 640))
    assert page.run("(d => d.scrollWidth <= d.clientWidth)(document.getElementById('settings'))")
