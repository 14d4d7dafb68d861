"""The schedule's window and the local clock: midnight, summer time, steps, 1970."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from edge.config import ScheduleConfig
from edge.local_clock import LocalClock, local_time
from edge.schedule import Window, window_of

NIGHT = Window(22 * 60, 7 * 60)
NOON = Window(12 * 60, 13 * 60)
DAY_S = 86_400.0
IN_2026 = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-06-10T{text}")


@pytest.mark.parametrize(
    ("window", "time_of_day", "is_in"),
    [
        *((NIGHT, "21:59:59", False), (NIGHT, "22:00:00", True), (NIGHT, "23:59:59", True)),
        *((NIGHT, "00:00:00", True), (NIGHT, "06:59:59", True), (NIGHT, "07:00:00", False)),
        *((NOON, "11:59:59", False), (NOON, "12:00:00", True), (NOON, "13:00:00", False)),
    ],
)
def test_a_window_begins_with_its_first_minute_and_ends_before_its_last(
    window: Window, time_of_day: str, *, is_in: bool
):
    assert window.contains(at(time_of_day)) is is_in


@pytest.mark.parametrize(
    ("window", "time_of_day", "day"),
    [(NIGHT, "22:00", 11), (NIGHT, "06:59", 10), (NOON, "12:30", 10)],
)
def test_a_window_knows_the_day_on_which_it_ends(window: Window, time_of_day: str, day: int):
    assert window.last_day(at(time_of_day)) == date(2026, 6, day)


def test_the_settings_make_a_window_or_none():
    night = ScheduleConfig(pause_from="22:00", pause_until="07:05", keep_pause=False)
    window = window_of(night)
    assert window == Window(1320, 425)
    assert window.until == "07:05"
    assert window_of(ScheduleConfig(pause_from="none", pause_until="none", keep_pause=True)) is None


@pytest.fixture
def berlin() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("window", "change_utc", "hours"),
    [
        # Clocks go from 2:00 to 3:00: the night is an hour shorter.
        (NIGHT, "2026-03-29", 8),
        (NIGHT, "2026-10-25", 10),
        # A window in the hour that the clock shows twice is closed twice,
        (Window(2 * 60, 3 * 60), "2026-10-25", 2),
        # one in the hour that it leaves out never,
        (Window(2 * 60, 3 * 60), "2026-03-29", 0),
        # and one that begins in it begins with the first minute that the clock shows.
        (Window(2 * 60 + 30, 4 * 60), "2026-03-29", 1),
    ],
)
def test_the_wall_s_time_counts_when_summer_time_begins_and_ends(
    window: Window, change_utc: str, hours: int
):
    noon_s = datetime.fromisoformat(f"{change_utc}T10:00:00+00:00").timestamp()
    minutes = range(-16 * 60, 2 * 60)  # from the evening before to noon
    closed = sum(window.contains(local_time(noon_s + 60 * m)) for m in minutes)
    assert closed == 60 * hours


class Clocks:
    """A wall clock, a monotonic one, and a source that confirms the former or not."""

    def __init__(self, wall_s: float = IN_2026) -> None:
        self.wall_s = wall_s
        self.now_s = 100.0
        self.is_set = True
        self.asked = 0

    def clock(self, local: Callable[[float], datetime] | None = None) -> LocalClock:
        utc = local or (lambda s: datetime.fromtimestamp(s, UTC).replace(tzinfo=None))
        return LocalClock(self._confirms, lambda: self.wall_s, lambda: self.now_s, utc)

    def pass_s(self, seconds: float) -> None:
        self.wall_s += seconds
        self.now_s += seconds

    def _confirms(self, wall_s: float) -> bool:
        assert wall_s == self.wall_s
        self.asked += 1
        return self.is_set


def test_a_confirmed_clock_is_asked_about_once():
    clocks = Clocks()
    clock = clocks.clock()
    for _ in range(100):
        now = clock.now()
        assert now == datetime.fromtimestamp(clocks.wall_s, UTC).replace(tzinfo=None)
        clocks.pass_s(1.0)
    assert clocks.asked == 1
    clocks.is_set = False  # the network is gone; the clock goes on
    assert clock.now() is not None


def test_a_clock_that_starts_in_1970_is_not_known_until_it_is_set():
    clocks = Clocks(wall_s=30.0)
    clock = clocks.clock()
    for _ in range(60):
        assert clock.now() is None
        clocks.pass_s(1.0)
    assert clocks.asked == 0
    clocks.wall_s = IN_2026
    assert clock.now() == datetime(2026, 3, 1, 12)


def test_a_clock_that_no_source_confirms_is_not_known():
    clocks = Clocks()
    clocks.is_set = False
    clock = clocks.clock()
    for _ in range(60):
        assert clock.now() is None
        clocks.pass_s(1.0)
    assert clocks.asked == 6
    clocks.is_set = True
    assert clock.now() is not None


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 10 * 365 * DAY_S, -2.5, 1e12])
def test_after_a_step_the_clock_must_be_confirmed_again(step_s: float):
    clocks = Clocks()
    clock = clocks.clock()
    assert clock.now() is not None
    clocks.is_set = False
    clocks.wall_s += step_s
    clocks.pass_s(1.0)
    assert clock.now() is None
    clocks.pass_s(20.0)
    assert clock.now() is None
    clocks.wall_s = IN_2026 + 22.0  # a time server corrects it
    clocks.is_set = True
    assert clock.now() is not None


def test_a_drift_that_a_time_server_corrects_slowly_is_no_step():
    clocks = Clocks()
    clock = clocks.clock()
    assert clock.now() is not None
    clocks.is_set = False
    for _ in range(20_000):
        clocks.wall_s += 0.0005
        clocks.pass_s(1.0)
        assert clock.now() is not None


def test_a_year_without_a_calendar_is_not_known():
    clocks = Clocks(wall_s=1e15)
    assert clocks.clock(local_time).now() is None


def test_the_time_zone_may_be_set_while_it_runs(monkeypatch: pytest.MonkeyPatch):
    hours = []
    for zone in ("UTC", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        hours.append(local_time(IN_2026).hour)
    monkeypatch.undo()
    time.tzset()
    assert hours == [12, 21]
    assert local_time(IN_2026) - datetime(1970, 1, 1) > timedelta(days=1)
