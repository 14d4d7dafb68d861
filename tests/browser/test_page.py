"""The page in Chromium, as its users see it: faces, moving bars, faults and recoveries."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from edge.datatypes import CameraState, LedState

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parents[2] / ".cache" / "screenshots"
PHONE, DESKTOP = (390, 844), (1280, 800)
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


class Page:
    """What a person would see on the page, read from the live document."""

    def __init__(self, browser: Any, device: Any) -> None:
        self.browser = browser
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get(f"http://127.0.0.1:{device.port}/")

    def run(self, expression: str) -> Any:
        return self.browser.execute_script(f"return {expression}")

    def text(self, selector: str) -> str:
        return str(self.run(f"document.querySelector({selector!r}).textContent")).strip()

    def shown(self, selector: str) -> bool:
        return bool(self.run(f"!!document.querySelector({selector!r})?.offsetParent"))

    def texts(self, selector: str) -> list[str]:
        return list(
            self.run(f"[...document.querySelectorAll({selector!r})].map(e => e.textContent)")
        )

    def brightness(self) -> float:
        """Mean of the picture as it is on the page, 0..255: notices are dark, no picture is 0."""
        return float(
            self.browser.execute_script("""
                const canvas = new OffscreenCanvas(64, 48), c = canvas.getContext("2d");
                const picture = document.getElementById("picture");
                if (!picture.naturalWidth) return 0;
                c.drawImage(picture, 0, 0, 64, 48);
                const data = c.getImageData(0, 0, 64, 48).data;
                return data.reduce((sum, v, i) => sum + (i % 4 < 3 ? v : 0), 0) / (64 * 48 * 3);
            """)
        )

    def look_as(self, size: tuple[int, int], theme: str) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "mobile": size == PHONE}
        metrics["deviceScaleFactor"] = 2 if size == PHONE else 1
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def until(true: Callable[[], object], limit_s: float = 8.0) -> None:
    ends_s = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < ends_s, f"not within {limit_s} s"
        time.sleep(0.1)


@pytest.fixture
def page(chromium: Any, device: Any) -> Iterator[Page]:
    page = Page(chromium, device)
    yield page
    chromium.get("about:blank")


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
    assert page.text("#age").endswith(" ms")
    assert not page.shown("#banner")


def test_the_picture_is_live(page: Page) -> None:
    until(lambda: page.run("document.getElementById('picture').naturalWidth") == 640)
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
    until(lambda: page.text("#mood-text") == "Nobody in view")
    assert page.shown("#empty")
    assert not page.shown(".face")
    device.labels_in_view = (None,)
    until(lambda: page.texts(".face .label") == ["uncertain"])
    assert page.text("#mood-text") == "Hard to tell"
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
    assert page.text("#pill-text") == "Camera lost"
    assert page.text("#mood-text") == "Not looking"
    assert not page.shown(".face")
    until(lambda: 0 < page.brightness() < 60)
    device.camera = CameraState.LIVE
    until(lambda: page.shown(".face"))
    until(lambda: page.brightness() > 80)
    assert not page.shown("#banner")


def test_the_page_survives_a_restart_of_the_server(
    page: Page, device: Any, make_device: Callable[..., Any]
) -> None:
    until(lambda: page.shown(".face"))
    port = device.port
    device.stop()
    until(lambda: "No connection" in page.text("#banner"))
    assert page.text("#pill-text") == "Reconnecting"
    time.sleep(1)
    again = make_device(port)
    until(lambda: page.text("#pill-text") == "Live", 15)
    until(lambda: len(again.feed.seats) == 1)
    until(lambda: page.brightness() > 80)


def test_a_picture_that_ends_alone_is_asked_for_again(page: Page, device: Any) -> None:
    until(lambda: page.text("#viewers") == "1")
    page.run("document.getElementById('picture').removeAttribute('src')")
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
    until(lambda: len(device.feed.seats) == 0)
    page.browser.execute_script("""
        window.asleep = false;
        document.dispatchEvent(new Event("visibilitychange"));
    """)
    until(lambda: len(device.feed.seats) == 1)
    until(lambda: page.brightness() > 80)


def test_a_viewer_too_many_is_told_why_and_let_in_later(chromium: Any, device: Any) -> None:
    for name in "abcd":
        device.feed.seats.take(name)
    page = Page(chromium, device)
    until(lambda: "place to watch is taken" in page.text("#banner"))
    assert page.shown(".face")
    device.feed.seats.leave("a")
    until(lambda: page.brightness() > 80, 15)
    until(lambda: not page.shown("#banner"))


def test_no_error_and_no_other_host(page: Page) -> None:
    until(lambda: page.shown(".face"))
    until(lambda: page.brightness() > 80)
    assert [e for e in page.browser.get_log("browser") if e["level"] != "INFO"] == []
    messages = [
        json.loads(entry["message"])["message"] for entry in page.browser.get_log("performance")
    ]
    requests = [
        urlsplit(m["params"]["request"]["url"])
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    ]
    assert {url.path for url in requests} >= {"/", "/events", "/stream.mjpg", "/palette.css"}
    assert {url.hostname for url in requests} == {"127.0.0.1"}


def test_place_for_the_picture_is_kept_before_it_comes(page: Page, device: Any) -> None:
    page.run("document.getElementById('picture').removeAttribute('src')")
    box = page.run("document.getElementById('picture').getBoundingClientRect().toJSON()")
    assert box["width"] / box["height"] == pytest.approx(4 / 3, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_screenshots(page: Page, device: Any, size: tuple[int, int], theme: str) -> None:
    device.leds = PER_EMOTION
    page.look_as(size, theme)
    until(lambda: page.shown(".face") and page.shown("#leds") and page.brightness() > 80)
    time.sleep(0.5)  # for what moves to come to rest
    assert page.run("document.documentElement.scrollWidth") <= size[0]
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    form = "phone" if size == PHONE else "desktop"
    assert page.browser.save_screenshot(str(SCREENSHOTS / f"{form}-{theme}.png"))
