"""The last ten minutes on the page: what the device counted, and what it did not see."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from browsing import Page, until

pytestmark = pytest.mark.browser

LEFT, HOME = "\ue012", "\ue011"
SENTENCE = re.compile(r"Last 10 minutes: mostly sad \((\d+)%\), then neutral \((\d+)%\)")
SAID_AT_ONCE = """[
    document.querySelector("#plot").getAttribute("aria-label"),
    document.querySelector("#legend [data-label=sad]").textContent.trim()]"""


@pytest.fixture
def page(browser: Any, make_device: Callable[..., Any], past: Callable[..., Any]) -> Page:
    """Sad until four minutes ago, then a pause of two; since then one sad, one neutral."""
    device = make_device(history=past([(590, 240, ("sad",)), (120, 20, ("sad", "neutral"))]))
    return Page(browser, device)


def test_what_was_before_the_page_opened_is_there_and_goes_on(page: Page) -> None:
    until(lambda: SENTENCE.match(page.attribute("#plot", "aria-label")))
    said, in_legend = page.run(SAID_AT_ONCE)
    sad, neutral = map(int, SENTENCE.match(said).groups())
    assert 70 <= sad <= 85  # 450 s of 550 s of faces' time, and what has passed since
    assert 12 <= neutral <= 20
    assert in_legend == f"sad{sad}%"
    assert not page.shown("#legend [data-label=angry]")
    # The device sees a happy and a surprised face now.
    until(lambda: page.shown("#legend [data-label=happy]"), 20)
    until(lambda: page.shown("#legend [data-label=surprise]"))
    first = float(page.text("#legend [data-label=happy] b").rstrip("%"))
    until(lambda: float(page.text("#legend [data-label=happy] b").rstrip("%")) > first, 30)


def test_what_was_not_seen_is_left_empty(page: Page) -> None:
    until(lambda: SENTENCE.match(page.attribute("#plot", "aria-label")))
    path = page.attribute("#plot [data-label=sad]", "d")
    drawn = sorted(round(float(x)) for x in re.findall(r"M([\d.]+) ", path))
    missing = set(range(drawn[0], drawn[-1] + 1)) - set(drawn)
    assert 10 <= len(missing) <= 12  # two minutes of ten-second columns
    assert missing == set(range(min(missing), max(missing) + 1))


@pytest.mark.both_browsers
def test_a_moment_can_be_pointed_at_with_the_keys_and_the_mouse(page: Page) -> None:
    until(lambda: SENTENCE.match(page.attribute("#plot", "aria-label")))
    page.run("document.getElementById('scrub').focus()")
    page.press(LEFT * 6, "#scrub")
    assert page.text("#moment") == "1 min ago"
    assert page.attribute("#scrub", "aria-valuetext") == "1 min ago: sad 50%, neutral 50%"
    assert page.text("#legend [data-label=neutral] b") == "50%"
    page.press(LEFT * 12, "#scrub")
    assert page.text("#moment") == "3 min ago: no data"
    assert page.attribute("#scrub", "aria-valuetext") == "3 min ago: no data"
    page.run("document.getElementById('scrub').blur()")
    assert page.text("#moment") == ""
    page.browser.execute_script("""
        const scrub = document.getElementById("scrub"), box = scrub.getBoundingClientRect();
        const at = { clientX: box.left + box.width * 0.25, clientY: box.top + 9 };
        scrub.dispatchEvent(new PointerEvent("pointermove", at));
    """)
    assert page.text("#moment") == "7 min 20 s ago"
    assert page.text("#legend [data-label=sad] b") == "100%"


def test_before_anything_was_seen_it_says_so(
    chromium: Any, make_device: Callable[..., Any]
) -> None:
    device = make_device()
    device.labels_in_view = ()
    page = Page(chromium, device)
    until(lambda: page.text("#mood-text") == "No face in view")
    until(lambda: page.attribute("#plot", "aria-label") == "Last 10 minutes: no faces")
    until(lambda: page.attribute("#scrub", "aria-valuetext") == "now: no faces")
    until(lambda: page.shown("#no-history"))
