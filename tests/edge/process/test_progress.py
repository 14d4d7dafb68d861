import io

import pytest

from edge.process.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.05
        return self.now_s


def test_a_terminals_line_is_redrawn_and_cleared() -> None:
    terminal = Terminal()
    progress = Progress(200, "frames", terminal, Clock())
    for _ in range(100):
        progress.advance()
    progress.close()
    assert "\n" not in terminal.getvalue()
    assert "100/200 frames" in progress.line()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_a_log_gets_a_line_now_and_then() -> None:
    log = io.StringIO()
    progress = Progress(None, "frames", log, Clock())
    for _ in range(1000):
        progress.advance()
    progress.close()
    lines = log.getvalue().splitlines()
    assert 3 <= len(lines) <= 10
    assert "left" not in lines[0]
    assert "\x1b" not in log.getvalue()


def test_no_end_is_told_of_a_job_that_is_longer_than_it_was_said_to_be() -> None:
    progress = Progress(2, "frames", io.StringIO(), Clock())
    for told in ("1/2 frames", "2/2 frames", "3 frames"):
        progress.advance()
        assert progress.line().startswith(f"{told}, ")
    assert "left" not in progress.line()


def test_a_short_job_says_nothing() -> None:
    log = io.StringIO()
    progress = Progress(3, "frames", log, Clock())
    for _ in range(3):
        progress.advance()
    progress.close()
    assert log.getvalue() == ""


def test_a_stream_that_takes_nothing_costs_only_the_telling() -> None:
    full = open("/dev/full", "w", encoding="utf-8")  # noqa: PTH123, SIM115 (closing it fails)
    progress = Progress(0, "frames", full, Clock())
    for _ in range(1000):
        progress.advance()
    progress.close()
    assert progress.line().startswith("1000 frames, ")
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_nothing_done_in_no_time_is_a_line_too() -> None:
    assert Progress(0, "frames", io.StringIO(), lambda: 5.0).line() == "0/0 frames, 0.0/s, 0 s left"
    assert "0/3 frames" in Progress(3, "frames", io.StringIO(), lambda: 5.0).line()
