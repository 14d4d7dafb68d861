"""The last day and week on the page: columns, a map, numbers, a table; gaps stay gaps."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from browsing import DESKTOP, PHONE, THEMES, Page, until

from edge.datatypes import Period
from edge.history.history import History

HOUR_S = 3600
LONGEST_TEST_S = 60


class Recorded(History):
    """A history with these minutes."""

    def __init__(self, minutes: list[Period]) -> None:
        super().__init__()
        self.recorded = minutes

    def minutes(self, last_s: float) -> list[Period]:
        return [m for m in self.recorded if time.time() - last_s < m.start_s <= time.time()]


def hour_before(hours: int) -> int:
    """Return the start of an hour before this one. Waits for the next if this one is ending."""
    left_s = HOUR_S - time.time() % HOUR_S
    if left_s < LONGEST_TEST_S:
        time.sleep(left_s)
    return (int(time.time()) // HOUR_S - hours) * HOUR_S


def hour_of(start_s: int, minutes: int, **face_s: float) -> list[Period]:
    return [Period(start_s=start_s + 60 * n, watched_s=60.0, face_s=face_s) for n in range(minutes)]


@pytest.fixture
def page(browser: Any, make_device: Callable[..., Any]) -> Page:
    """Three hours: a whole one of two expressions, a half one of one, one without a face."""
    recorded = [
        *hour_of(hour_before(30), 60, sad=60.0),
        *hour_of(hour_before(5), 60, happy=45.0, neutral=15.0),
        *hour_of(hour_before(3), 30, surprise=120.0),
        *hour_of(hour_before(2), 60),
    ]
    page = Page(browser, make_device(history=Recorded(recorded)))
    until(lambda: page.run("document.getElementById('past').dataset.shown === 'day'"))
    return page


def paths(page: Page, label: str) -> list[str]:
    found: list[str] = page.run(
        f"[...document.querySelectorAll('#past-plot [data-label={label}]')]"
        ".map(e => e.getAttribute('d') ?? e.getAttribute('x'))"
    )
    return found


@pytest.mark.both_browsers
def test_a_day_has_a_column_for_each_hour_with_faces(page: Page) -> None:
    (happy,), (neutral,), (surprise,) = (
        paths(page, label) for label in ("happy", "neutral", "surprise")
    )
    assert happy.startswith("M18.070 0.00h0.860v75.00")
    assert neutral.startswith("M18.070 75.00h0.860v25.00")
    assert surprise.startswith("M20.070 0.00h0.430v100.00")  # half the hour was watched
    assert page.run("document.querySelectorAll('#past-plot .no-face').length") == 1
    assert paths(page, "sad") == []  # of the day before
    assert "mostly surprise" in page.attribute("#past-plot", "aria-label")


@pytest.mark.both_browsers
def test_a_week_is_a_map_of_hours_by_days(page: Page) -> None:
    page.click("#past [data-span=week]")
    until(lambda: page.run("document.getElementById('past').dataset.shown === 'week'"))
    assert len(paths(page, "sad")) == 1
    assert len(page.texts("#past-days span")) == 7
    assert page.attribute("#past [data-span=week]", "aria-pressed") == "true"
    assert page.attribute("#past [data-span=day]", "aria-pressed") == "false"


@pytest.mark.both_browsers
def test_an_hour_tells_its_numbers(page: Page) -> None:
    for _ in range(5):
        page.press("\ue012", "#past-scrub")  # the left arrow
    said = page.attribute("#past-scrub", "aria-valuetext")
    assert "happy 75%, neutral 25%; 1.0 faces on average, watched 60 min" in said
    assert page.text("#past-numbers") == said
    page.press("\ue012", "#past-scrub")
    assert "not watched" in page.text("#past-numbers")


def test_the_table_holds_the_same_numbers(page: Page) -> None:
    page.click("#past summary")
    until(lambda: page.run("document.querySelectorAll('#past-table tr').length === 3"))
    assert "30 min" in page.texts("#past-table tr")[1]
    assert "75%" in page.texts("#past-table tr")[2]


def test_without_a_record_it_says_so(chromium: Any, make_device: Callable[..., Any]) -> None:
    page = Page(chromium, make_device(history=Recorded([])))
    until(lambda: page.run("document.getElementById('past').dataset.shown === 'day'"))
    assert page.text("#past-since") == "No records yet."


def test_a_device_that_started_lately_says_since_when(
    chromium: Any, make_device: Callable[..., Any]
) -> None:
    page = Page(chromium, make_device(history=Recorded(hour_of(hour_before(2), 60, happy=60.0))))
    until(lambda: page.run("document.getElementById('past').dataset.shown === 'day'"))
    assert page.text("#past-since").startswith("Recorded since ")


@pytest.mark.parametrize("span", ["day", "week"])
def test_it_is_accessible_and_fits_in_every_size_and_theme(page: Page, span: str) -> None:
    page.click("#past summary")
    page.click(f"#past [data-span={span}]")
    until(lambda: page.run(f"document.getElementById('past').dataset.shown === '{span}'"))
    for size in (PHONE, DESKTOP):
        for theme in THEMES:
            page.look_as(size, theme)
            assert page.violations() == []
            assert page.run("document.documentElement.scrollWidth") <= size[0]
    assert page.console() == []
