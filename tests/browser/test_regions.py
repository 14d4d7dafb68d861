"""Regions drawn over the video by pointer and by keyboard."""

from collections.abc import Callable
from typing import Any

import pytest
from browsing import DESKTOP, Page, until

from edge.kept_regions import KeptRegions
from edge.vision.ignored_regions import IgnoredRegions

pytestmark = pytest.mark.browser

ARROW_RIGHT, SHIFT_DOWN, DELETE = "\ue014", "\ue008\ue015", "\ue017"


@pytest.fixture
def kept() -> KeptRegions:
    return KeptRegions(IgnoredRegions(), None)


@pytest.fixture
def page(browser: Any, make_device: Callable[..., Any], kept: KeptRegions) -> Page:
    page = Page(browser, make_device(regions=kept))
    page.look_as(DESKTOP)
    until(lambda: page.brightness() > 80)
    page.click("#region-open")
    until(lambda: page.shown("#regions"))
    return page


@pytest.mark.both_browsers
def test_a_region_is_drawn_and_saved(page: Page, kept: KeptRegions) -> None:
    page.drag("#video", (0.6, 0.7), (0.2, 0.3))  # backwards
    until(lambda: len(page.texts(".region")) == 1)
    page.click("#region-save")
    until(lambda: len(kept.get()) == 1)
    assert kept.get()[0] == pytest.approx([0.2, 0.3, 0.6, 0.7], abs=0.01)
    until(lambda: not page.shown("#regions"))
    page.click("#region-open")
    until(lambda: len(page.texts(".region")) == 1)
    assert page.attribute(".region", "aria-label").startswith("Ignored region 1: from 20% to 60%")
    assert page.violations() == []
    page.click("#region-clear")
    page.click("#region-save")
    until(lambda: kept.get() == [])


@pytest.mark.both_browsers
def test_the_keyboard_does_it_all(page: Page, kept: KeptRegions) -> None:
    page.click("#region-add")
    page.press(ARROW_RIGHT, ".region")
    page.press(SHIFT_DOWN, ".region")
    page.click("#region-add")
    page.press(DELETE, ".region:last-child")
    page.click("#region-save")
    until(lambda: len(kept.get()) == 1)
    assert kept.get()[0] == pytest.approx([0.37, 0.35, 0.67, 0.67], abs=0.001)


def test_cancel_changes_nothing(page: Page, kept: KeptRegions) -> None:
    page.drag("#video", (0.1, 0.1), (0.5, 0.5))
    page.click("#region-cancel")
    assert not page.shown("#regions")
    assert kept.get() == []


def test_a_second_click_does_not_undo_what_is_drawn(page: Page, kept: KeptRegions) -> None:
    page.hold_answers()
    page.click("#region-open")
    page.click("#region-add")
    page.release_answers(1)
    page.run("new Promise((go) => setTimeout(go, 100)).then(() => 0)")
    assert len(page.texts(".region")) == 1
