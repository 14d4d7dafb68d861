"""Writes log messages on a thread of its own.

A terminal that is stopped with Ctrl-S, or a pipe whose reader stops reading, blocks each write. No
thread that has other work may wait for it.
"""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import suppress
from logging.handlers import QueueHandler

from edge.process.threads import start_thread

_MOST_WAITING = 1000


class BackgroundLog(QueueHandler):
    """Passes each record on to `target`, which may block.

    Of more than a thousand that wait the newest are left out. `target` then gets their number.
    """

    queue: queue.Queue[logging.LogRecord | threading.Event]

    def __init__(self, target: logging.Handler) -> None:
        """Raise ResourceError when the system cannot start a thread."""
        super().__init__(queue.Queue(_MOST_WAITING))
        self.setFormatter(logging.Formatter())  # `target` adds the rest of the line
        self._target = target
        self._left_out = 0
        start_thread("log", self._write)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Add a record, without waiting. See QueueHandler."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self._left_out += 1

    def drain(self, within_s: float) -> None:
        """Wait until all records so far are written, or for `within_s`."""
        written = threading.Event()
        with suppress(queue.Full):
            self.queue.put_nowait(written)
            written.wait(within_s)

    def _write(self) -> None:
        while True:
            record = self.queue.get()
            if isinstance(record, threading.Event):
                record.set()
                continue
            self._target.handle(record)
            if count := self._left_out:
                self._left_out -= count
                self._target.handle(_left_out(count))


def _left_out(count: int) -> logging.LogRecord:
    attributes = {"levelno": logging.WARNING, "levelname": "WARNING", "name": __name__}
    message = f"{count} messages were left out: the log could not be written"
    return logging.makeLogRecord({**attributes, "msg": message})
