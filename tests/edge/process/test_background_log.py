"""A log whose reader stops reading blocks no thread."""

import logging
import threading

from edge.process.background_log import BackgroundLog


class Blocking(logging.Handler):
    """A handler that waits while its reader does not read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.reads.wait(30)
        self.lines.append(f"{record.levelname} {self.format(record)}")


def record(what: str) -> logging.LogRecord:
    return logging.LogRecord("a", logging.INFO, "a.py", 1, "%s happened", (what,), None)


def test_the_newest_of_too_many_are_left_out_and_counted() -> None:
    target = Blocking()
    log = BackgroundLog(target)
    log.handle(record("the first"))
    log.drain(0.01)  # the writing thread blocks with it by now, or takes it later
    for number in range(1500):
        log.handle(record(str(number)))
    log.drain(0.01)
    target.reads.set()
    written = threading.Event()
    while not written.wait(0.01):
        log.drain(5)
        if "INFO 100 happened" in target.lines:
            written.set()
    assert target.lines[0] == "INFO the first happened"
    (told,) = [line for line in target.lines if "left out" in line]
    count = int(told.split()[1])
    assert told == f"WARNING {count} messages were left out: the log could not be written"
    happened = [line for line in target.lines if "happened" in line]
    assert len(happened) + count == 1501
    assert 990 <= len(happened) <= 1002


def test_an_exception_is_written_with_its_message() -> None:
    target = Blocking()
    target.reads.set()
    log = BackgroundLog(target)
    failure = ZeroDivisionError("odd")
    log.handle(
        logging.LogRecord(
            "a", logging.INFO, "a.py", 1, "failed", (), (type(failure), failure, None)
        )
    )
    log.drain(5)
    (line,) = target.lines
    assert line == "INFO failed\nZeroDivisionError: odd"
