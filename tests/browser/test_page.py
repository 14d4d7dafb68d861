"""The page as its users see it: faces, moving bars, faults and recoveries."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from browsing import DESKTOP, PHONE, THEMES, Page, until

from edge.datatypes import CameraState, LedState, Vitals

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parents[2] / ".cache" / "screenshots"
PER_EMOTION = LedState(
    mode="per_emotion",
    levels={
        **dict.fromkeys(("angry", "disgust", "fear"), 0.0),
        "happy": 0.9,
        "sad": 0.0,
        "surprise": 0.5,
        "neutral": 0.1,
        "status": 1.0,
        "privacy": 1.0,
    },
)

EVENING = (
    (600, 520, ("neutral",)),
    (520, 430, ("neutral", "happy")),
    (430, 380, ("happy", "surprise")),
    (330, 250, ("sad", "neutral")),
    (250, 160, ("happy", "neutral", None)),
    (160, 5, ("happy", "surprise")),
)


@pytest.mark.both_browsers
def test_each_face_has_a_card_with_its_bars(page: Page) -> None:
    until(lambda: page.texts(".face .label") == ["happy", "surprise"])
    assert page.texts(".face .who") == ["Face 3", "Face 4"]
    assert page.texts(".bars li span:first-child")[:7] == [
        "angry",
        "disgust",
        "fear",
        "happy",
        "sad",
        "surprise",
        "neutral",
    ]
    assert page.text("#mood-text") == "happy"
    assert page.text("#pill-text") == "Live"
    assert page.text("#fps") == "15"
    until(lambda: page.text("#age").endswith(" ms") and not page.shown("#banner"))


@pytest.mark.both_browsers
def test_the_picture_is_live(page: Page) -> None:
    until(lambda: page.run("document.getElementById('video').naturalWidth") == 640)
    until(lambda: page.brightness() > 80)
    until(lambda: page.text("#viewers") == "1")


def test_bars_move(page: Page) -> None:
    until(lambda: page.shown(".face"))
    bar = "document.querySelector('.face [data-label=happy] b').getBoundingClientRect().right"
    first = page.run(bar)
    until(lambda: abs(page.run(bar) - first) > 2)


def test_the_room_empties_and_fills(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    device.labels_in_view = ()
    until(lambda: page.text("#mood-text") == "No face in view")
    assert page.shown("#empty")
    assert not page.shown(".face")
    device.labels_in_view = (None,)
    until(lambda: page.texts(".face .label") == ["uncertain"])
    assert page.text("#mood-text") == "Unclear"
    assert not page.shown("#empty")


def test_leds_are_mirrored_and_hidden_when_there_are_none(page: Page, device: Any) -> None:
    until(lambda: page.shown(".face"))
    assert not page.shown("#leds")
    device.leds = PER_EMOTION
    until(lambda: page.shown("#leds"))
    assert page.texts("#dots li") == list(PER_EMOTION.levels)
    device.leds = LedState(mode="rgb", levels={"red": 1, "green": 0, "blue": 0, "status": 0})
    until(lambda: page.texts("#dots li") == ["room", "status"])
    colour = "getComputedStyle(document.querySelector('#dots .led')).getPropertyValue('--colour')"
    assert page.run(colour).replace(" ", "") in ("rgb(255,0,0)", "rgb(25500)")
    device.leds = LedState(mode="off", levels={})
    until(lambda: not page.shown("#leds"))


def test_a_lost_camera_is_told_and_its_return_too(page: Page, device: Any) -> None:
    until(lambda: page.brightness() > 80)
    device.camera, device.detail = CameraState.LOST, "USB camera 0: no frame for 2.0 s"
    until(lambda: page.shown("#banner"), 2)
    assert "USB camera 0: no frame for 2.0 s" in page.text("#banner")
    assert page.text("#pill-text") == "Disconnected"
    assert page.text("#mood-text") == "No live data"
    assert not page.shown(".face")
    until(lambda: 0 < page.brightness() < 60)
    device.camera = CameraState.LIVE
    until(lambda: page.shown(".face"))
    until(lambda: page.brightness() > 80)
    until(lambda: not page.shown("#banner"))


def test_a_picture_that_grows_old_is_told(page: Page, device: Any) -> None:
    until(lambda: page.brightness() > 80)
    device.films = False
    until(lambda: "No new frame" in page.text("#banner"), 4)
    assert page.text("#pill-text") == "Late"
    until(lambda: 0 < page.brightness() < 60)
    device.films = True
    until(lambda: page.text("#pill-text") == "Live")
    until(lambda: page.brightness() > 80)
    until(lambda: not page.shown("#banner"))


def test_the_page_survives_a_restart_of_the_server(
    page: Page, device: Any, make_device: Callable[..., Any]
) -> None:
    until(lambda: page.shown(".face"))
    port = device.port
    device.stop()
    until(lambda: "No connection" in page.text("#banner"))
    assert page.text("#pill-text") == "Reconnecting"
    time.sleep(10)
    again = make_device(port)
    until(lambda: page.text("#pill-text") == "Live", 15)
    until(lambda: len(again.feed.viewers) == 1)
    until(lambda: page.brightness() > 80)


def test_a_picture_that_ends_alone_is_asked_for_again(page: Page, device: Any) -> None:
    until(lambda: page.text("#viewers") == "1")
    page.run("document.getElementById('video').removeAttribute('src')")
    until(lambda: page.text("#viewers") == "0")
    until(lambda: page.text("#viewers") == "1")
    until(lambda: page.brightness() > 80)


def test_a_hidden_page_watches_nothing(page: Page, device: Any) -> None:
    until(lambda: page.text("#viewers") == "1")
    page.browser.execute_script("""
        Object.defineProperty(document, "hidden", { get: () => window.asleep, configurable: true });
        window.asleep = true;
        document.dispatchEvent(new Event("visibilitychange"));
    """)
    until(lambda: len(device.feed.viewers) == 0)
    page.browser.execute_script("""
        window.asleep = false;
        document.dispatchEvent(new Event("visibilitychange"));
    """)
    until(lambda: len(device.feed.viewers) == 1)
    until(lambda: page.brightness() > 80)


def test_a_viewer_too_many_is_told_why_and_let_in_later(chromium: Any, device: Any) -> None:
    places = [device.feed.viewers.add(name, client=name) for name in "abcd"]
    page = Page(chromium, device)
    until(lambda: "Too many viewers" in page.text("#banner"))
    assert page.shown(".face")
    device.feed.viewers.remove(places[0])
    until(lambda: page.brightness() > 80, 15)
    until(lambda: not page.shown("#banner"))


def test_while_all_places_at_the_events_are_taken_one_thing_is_said(
    chromium: Any, device: Any
) -> None:
    address = f"http://127.0.0.1:{device.port}/events"
    with ExitStack() as listeners:
        for _ in range(4):
            listeners.enter_context(urlopen(address, timeout=5))
        page = Page(chromium, device)
        until(lambda: "Too many viewers" in page.text("#banner"))
        page.browser.execute_script("""
            window.said = [];
            const banner = document.getElementById("banner");
            const hear = () => said.push(banner.textContent);
            const all = { childList: true, characterData: true, subtree: true };
            new MutationObserver(hear).observe(banner, all);
        """)
        time.sleep(4)  # it asks again after 0.5, 1 and 2 s
        assert page.run("window.said") == []
    until(lambda: page.text("#pill-text") == "Live", 15)


def test_place_for_the_picture_is_kept_before_it_comes(page: Page, device: Any) -> None:
    page.run("document.getElementById('video').removeAttribute('src')")
    box = page.box("#video")
    assert box["width"] / box["height"] == pytest.approx(4 / 3, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_screenshots(
    chromium: Any,
    make_device: Callable[..., Any],
    past: Callable[..., Any],
    size: tuple[int, int],
    theme: str,
) -> None:
    device = make_device(history=past(EVENING))
    device.leds = PER_EMOTION
    device.vitals = Vitals(temperature_c=52.3)
    page = Page(chromium, device)
    page.look_as(size, theme)
    until(lambda: page.shown(".face") and page.shown("#leds") and page.brightness() > 80)
    until(lambda: page.shown("#legend [data-label=sad]"))
    time.sleep(0.5)  # for what moves to come to rest
    assert page.run("document.documentElement.scrollWidth") <= size[0]
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    form = "phone" if size == PHONE else "desktop"
    assert page.browser.save_screenshot(str(SCREENSHOTS / f"{form}-{theme}.png"))
