"""One output that fails, hangs or is slow must never be felt by the others."""

import logging
import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from edge.datatypes import CameraState, Health, Report
from edge.errors import OutputError, OutputGone, OutputRetrying
from edge.outputs.fanout import FanOut


def report(uptime_s: float = 0.0) -> Report:
    health = Health(
        camera=CameraState.LIVE, detail="", source="test", fps=15, age_s=0.1, uptime_s=uptime_s
    )
    return Report(snapshot=None, health=health)


def eventually(holds: Callable[[], bool], within_s: float = 3.0) -> bool:
    deadline_s = time.monotonic() + within_s
    while not holds() and time.monotonic() < deadline_s:
        time.sleep(0.005)
    return holds()


class Recorder:
    """A sink that keeps what it was shown."""

    def __init__(self, name: str = "recorder") -> None:
        self.name = name
        self.shown: list[Report] = []
        self.closed = 0

    def show(self, report: Report) -> None:
        assert not self.closed
        self.shown.append(report)

    def close(self) -> None:
        self.closed += 1


class Breakable(Recorder):
    """A sink that raises `fault` while it is set."""

    def __init__(self, fault: Exception | None = None) -> None:
        super().__init__("breakable")
        self.fault = fault
        self.tried_at_s: list[float] = []

    def show(self, report: Report) -> None:
        self.tried_at_s.append(time.monotonic())
        if self.fault is not None:
            raise self.fault
        super().show(report)


class Stuck(Recorder):
    """A sink whose `show` waits until it is let go."""

    def __init__(self) -> None:
        super().__init__("stuck")
        self.entered, self.let_go = threading.Event(), threading.Event()

    def show(self, report: Report) -> None:
        self.entered.set()
        self.let_go.wait(20)
        super().show(report)


def test_every_sink_is_shown_the_report_and_closed_once():
    sinks = [Recorder("one"), Recorder("two")]
    fanout = FanOut(sinks)
    told = report()
    fanout.show(told)
    assert eventually(lambda: all(sink.shown == [told] for sink in sinks))
    assert fanout.failing() == ()
    fanout.close()
    fanout.close()
    assert [sink.closed for sink in sinks] == [1, 1]


def test_a_slow_sink_gets_the_newest_report_and_none_in_between():
    stuck, quick = Stuck(), Recorder()
    fanout = FanOut([stuck, quick])
    reports = [report(i) for i in range(100)]
    fanout.show(reports[0])
    assert stuck.entered.wait(2)
    begin_s = time.monotonic()
    for told in reports[1:]:
        fanout.show(told)
    assert time.monotonic() - begin_s < 1.0
    assert eventually(lambda: reports[-1] in quick.shown)
    stuck.let_go.set()
    assert eventually(lambda: len(stuck.shown) == 2)
    assert stuck.shown == [reports[0], reports[-1]]
    fanout.close()


def test_a_failing_sink_is_tried_less_and_less_often_and_logged_once(
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.INFO)
    broken, well = Breakable(OutputError("broker: no answer")), Recorder()
    fanout = FanOut([broken, well], retry_s=0.05, max_retry_s=0.2)
    for _ in range(80):
        fanout.show(report())
        time.sleep(0.01)
    assert fanout.failing() == ("breakable",)
    assert well.shown
    assert [r.getMessage() for r in caplog.records] == [
        "output breakable failed: broker: no answer"
    ]
    assert caplog.records[0].exc_info is None
    waits_s = [after - before for before, after in pairwise(broken.tried_at_s)]
    assert len(waits_s) >= 3
    for wait_s, at_least_s in zip(waits_s, (0.05, 0.1, 0.2, 0.2), strict=False):
        assert wait_s >= at_least_s

    broken.fault = None
    fanout.show(report())
    assert eventually(lambda: bool(broken.shown))
    assert eventually(lambda: fanout.failing() == ())
    fanout.close()
    assert [r.getMessage() for r in caplog.records[1:]] == ["output breakable is back"]


def test_an_output_that_is_gone_for_good_is_told_once_and_left_alone(
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.INFO)
    gone, well = Breakable(OutputGone("terminal: Broken pipe")), Recorder()
    fanout = FanOut([gone, well], retry_s=0.01)
    fanout.show(report())
    assert eventually(lambda: gone.closed == 1)
    for _ in range(20):
        fanout.show(report())
        time.sleep(0.005)
    assert len(gone.tried_at_s) == 1
    assert fanout.failing() == ()
    fanout.close()
    assert well.shown
    assert [r.getMessage() for r in caplog.records] == [
        "output breakable is closed permanently: terminal: Broken pipe"
    ]


def test_a_bug_in_a_sink_is_logged_with_its_place(caplog: pytest.LogCaptureFixture):
    fanout = FanOut([Breakable(ZeroDivisionError("oops"))], retry_s=0.01)
    fanout.show(report())
    assert eventually(lambda: bool(caplog.records))
    assert "ZeroDivisionError" in caplog.text
    assert fanout.failing() == ("breakable",)
    fanout.close()


def test_a_sink_that_hangs_is_failing_and_left_behind(caplog: pytest.LogCaptureFixture):
    now_s = [0.0]
    stuck, well = Stuck(), Recorder()
    fanout = FanOut([stuck, well], clock=lambda: now_s[0])
    fanout.show(report())
    assert stuck.entered.wait(2)
    assert fanout.failing() == ()
    now_s[0] = 2.0
    assert eventually(lambda: fanout.failing() == ("stuck",))
    begin_s = time.monotonic()
    fanout.close()
    assert time.monotonic() - begin_s < 2.0
    assert well.closed == 1
    assert "output stuck does not close" in caplog.text
    stuck.let_go.set()
    assert eventually(lambda: stuck.closed == 1)


def test_a_hang_and_its_end_are_each_logged_once(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    now_s = [0.0]
    stuck = Stuck()
    fanout = FanOut([stuck], clock=lambda: now_s[0])
    fanout.show(report())
    assert stuck.entered.wait(2)
    for now_s[0] in (1.0, 2.0, 3.0, 4.0):
        fanout.show(report())
    stuck.let_go.set()
    assert eventually(lambda: fanout.failing() == ())
    fanout.close()
    logged = [record.getMessage() for record in caplog.records]
    assert logged == ["output stuck hangs: no answer for 1.5 s", "output stuck is back"]


def test_closing_interrupts_the_pause_after_a_failure():
    broken = Breakable(OutputError("gone"))
    fanout = FanOut([broken], retry_s=30.0)
    fanout.show(report())
    assert eventually(lambda: fanout.failing() == ("breakable",))
    begin_s = time.monotonic()
    fanout.close()
    assert time.monotonic() - begin_s < 0.9
    assert broken.closed == 1


def test_an_error_while_closing_does_not_keep_the_others_open(caplog: pytest.LogCaptureFixture):
    class Unclosable(Recorder):
        def close(self) -> None:
            raise OutputError("still lit")

    well = Recorder()
    FanOut([Unclosable("bad"), well]).close()
    assert well.closed == 1
    assert "output bad did not close cleanly: still lit" in caplog.text


def test_showing_after_close_is_harmless():
    sink = Recorder()
    fanout = FanOut([sink])
    fanout.close()
    fanout.show(report())
    assert sink.shown == []


def test_readers_can_wait_for_the_newest_report_until_the_end() -> None:
    fan_out = FanOut([])
    fan_out.show(report(1.0))
    fan_out.show(report(2.0))
    newer = fan_out.reports.wait_newer(0, 0)
    assert newer is not None
    assert newer[1].health.uptime_s == 2.0
    fan_out.close()
    assert fan_out.reports.closed


def test_a_sink_that_tries_again_by_itself_gets_reports_at_a_steady_pace():
    down = Breakable(OutputRetrying("no broker"))
    fanout = FanOut([down], retry_s=0.01, max_retry_s=60.0)

    def is_tried(times: int) -> bool:
        fanout.show(report())
        return len(down.tried_at_s) >= times

    # A pause that doubles would need ten minutes for sixteen tries.
    assert eventually(lambda: is_tried(16))
    assert fanout.failing() == ("breakable",)
    down.fault = None
    assert eventually(lambda: is_tried(0) and fanout.failing() == ())
    fanout.close()
