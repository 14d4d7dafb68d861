"""The check that greets the owner once: what it shows, what its buttons do, and that it ends."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import DESKTOP, PHONE, THEMES, Page, until

from edge.config import load_config
from edge.datatypes import CameraState
from edge.kept_greeting import KeptGreeting
from edge.leds.leds import Leds
from edge.leds.pins import open_pin_factory
from edge.leds.turns import EACH_S, TOGETHER_S
from edge.web.first_minute import FirstMinute, LedTest

pytestmark = pytest.mark.browser

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SCREENSHOTS = Path(__file__).parents[2] / ".cache" / "screenshots"
CARD, CAMERA, LIT = "#first-minute", "#first-minute-camera", "#first-minute-lit"
OPEN = f"{CARD} [aria-current=step] h3"


@pytest.fixture
def greeting(tmp_path: Path) -> KeptGreeting:
    return KeptGreeting(tmp_path / "state")


@pytest.fixture
def leds() -> Iterator[Leds]:
    factory = open_pin_factory("mock")
    config = load_config(overrides={"leds": {"mode": "per_emotion"}}).leds
    leds = Leds(config, LABELS, factory)
    yield leds
    leds.close()
    factory.close()


@pytest.fixture
def device(make_device: Callable[..., Any], greeting: KeptGreeting) -> Any:
    device = make_device(first_minute=FirstMinute(greeting=greeting))
    device.labels_in_view = ()
    return device


@pytest.fixture
def lit_device(make_device: Callable[..., Any], greeting: KeptGreeting, leds: Leds) -> Any:
    test = LedTest(begin=leds.test, each_s=EACH_S, together_s=TOGETHER_S, is_simulated=True)
    return make_device(first_minute=FirstMinute(greeting=greeting, led_test=test), lit=leds)


def next_step(page: Page) -> None:
    page.click(f"{CARD} .open [data-next]")


@pytest.mark.both_browsers
def test_the_camera_check_lights_up_when_a_face_is_in_view(page: Page, device: Any) -> None:
    until(lambda: page.text(CAMERA) == "No face in view yet.")
    device.labels_in_view = ("happy",)
    until(lambda: page.text(CAMERA) == "The camera sees 1 face.")
    assert page.run(f"document.querySelector('{CARD}').classList.contains('seen')")
    device.labels_in_view = ("happy", None)
    until(lambda: page.text(CAMERA) == "The camera sees 2 faces.")
    device.camera, device.detail = CameraState.LOST, "USB camera 0: no frame for 2.0 s"
    until(lambda: "Camera disconnected" in page.text(CAMERA))
    assert not page.run(f"document.querySelector('{CARD}').classList.contains('seen')")


@pytest.mark.both_browsers
def test_it_ends_for_ever_and_for_everybody(
    page: Page, device: Any, greeting: KeptGreeting, tmp_path: Path
) -> None:
    until(lambda: page.shown(CARD))
    assert page.text(OPEN) == "Does the camera see you?"
    next_step(page)
    assert page.text(OPEN) == "Do the LEDs light?"
    assert page.run("document.activeElement.textContent") == "Do the LEDs light?"
    assert "This device uses none." in page.text(f"{CARD} .open")
    next_step(page)
    until(lambda: page.text("[data-mode].chosen dt") == "off")
    page.click("#first-minute-done")
    until(lambda: not page.shown(CARD))
    assert page.run("document.activeElement.tagName") == "H1"
    until(lambda: not greeting.is_due)
    until(lambda: not KeptGreeting(tmp_path / "state").is_due)  # after a restart, on a second phone
    page.open()
    until(lambda: page.text("#pill-text") == "Live")
    assert page.run(f"document.querySelector('{CARD}')") is None
    assert page.console() == []


def test_the_keyboard_reaches_each_step_and_skips_it(page: Page, greeting: KeptGreeting) -> None:
    focused = "document.activeElement.textContent.trim()"
    page.run("document.getElementById('first-minute-close').focus()")
    for said in ("Next", "Do the LEDs light?", "Next", "What do viewers see?", "Done"):
        keys = "\ue007" if page.run(focused) == "Next" else "\ue004"  # Enter, Tab
        page.browser.switch_to.active_element.send_keys(keys)
        assert page.run(focused) == said
        if said in ("Next", "Done"):
            outline = "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
            assert page.run(outline) >= 2
    page.press(" ", "#first-minute-close")
    until(lambda: not page.shown(CARD))
    until(lambda: not greeting.is_due)


class Forgetful:
    """The greeting of a device that cannot write its state folder and is restarted often."""

    is_due = True

    def finish(self) -> bool:
        return False


def test_where_nothing_can_be_kept_this_browser_remembers(
    browser: Any, make_device: Callable[..., Any]
) -> None:
    page = Page(browser, make_device(first_minute=FirstMinute(greeting=Forgetful())))
    page.click("#first-minute-close")
    until(lambda: page.run("localStorage.getItem('first-minute-done')") == "yes")
    page.open()
    until(lambda: page.text("#pill-text") == "Live")
    assert not page.shown(CARD)


def test_the_leds_light_in_turn_and_are_named(browser: Any, lit_device: Any, leds: Leds) -> None:
    page = Page(browser, lit_device)
    until(lambda: page.shown(CARD))
    next_step(page)
    page.click("#first-minute-test")
    until(lambda: page.text(LIT).startswith("Now: angry (GPIO") and is_lit(leds, "angry"))
    assert is_lit(leds, "privacy")
    until(lambda: page.text(LIT).startswith("Now: surprise"))
    until(lambda: page.text(LIT) == "Now: all together")
    until(lambda: "No LED is connected here" in page.text(LIT))
    until(lambda: page.run("!document.getElementById('first-minute-test').disabled"))


def test_a_viewer_link_is_not_greeted(
    browser: Any, make_device: Callable[..., Any], greeting: KeptGreeting
) -> None:
    device = make_device(first_minute=FirstMinute(greeting=greeting))
    page = Page(browser, device, path="/view/any/")
    until(lambda: page.text("#pill-text") == "Live")
    assert page.run(f"document.querySelector('{CARD}')") is None


@pytest.mark.parametrize("theme", THEMES)
def test_it_is_accessible_and_fits(browser: Any, lit_device: Any, theme: str) -> None:
    page = Page(browser, lit_device)
    until(lambda: page.brightness() > 80 and page.text(CAMERA) == "The camera sees 2 faces.")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for step in (1, 2, 3):
        for form, size in (("desktop", DESKTOP), ("phone", PHONE)):
            page.look_as(size, theme, prefers_reduced_motion="reduce")
            assert page.run("document.documentElement.scrollWidth") <= size[0]
            assert too_small(page) == 0
            file = SCREENSHOTS / f"first-minute-{step}-{form}-{theme}.png"
            assert page.browser.save_screenshot(str(file))
        assert page.violations() == []
        if step < 3:
            next_step(page)
    assert page.console() == []


def is_lit(leds: Leds, name: str) -> bool:
    return leds.state().levels[name] > 0.2


def too_small(page: Page) -> int:
    """Return how many of the check's buttons are too small for a thumb."""
    return int(
        page.run(f"""[...document.querySelectorAll("{CARD} button")]
            .filter((e) => e.checkVisibility()).map((e) => e.getBoundingClientRect())
            .filter((box) => box.width < 44 || box.height < 44).length""")
    )
