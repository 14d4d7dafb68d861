"""How a process is ended from outside: SIGINT, SIGTERM and SIGHUP, heard from first to last.

A handler that does anything breaks in anywhere: one that raises leaves half-opened things behind,
and one that sets a threading.Event which its own thread is about to wait for blocks for ever. So
the handlers here do nothing. Python writes a signal's number to a socket (signal.set_wakeup_fd),
and a thread of its own reads it and acts.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from edge.process.threads import start_thread

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# systemd kills 15 s after it has asked (TimeoutStopSec); a person asks again after a moment.
_PATIENCE_S, _SECOND_PATIENCE_S = 10.0, 2.0


@functools.cache
def listen() -> Ending:
    """Return what hears this process' signals: from the first call on, by its main thread.

    Raises ResourceError when there is no thread to be had.
    """
    return Ending()


class Ending:
    """The signals that end this process; see `listen`.

    A signal ends the process at once, with `early_code`, or like a shell with 128 and its number,
    until there is something to close: then it is a request, see `be_orderly`. What the process was
    started to ignore, as `nohup` and a shell's `&` have it, it ignores.
    """

    def __init__(self) -> None:
        self.early_code: int | None = None
        self.is_orderly = False
        self._lock = threading.Lock()
        self._asked = False
        self._stop = self._hurry = _do_nothing
        self._deadline_s = float("inf")
        self._numbers, self._wakeup = socket.socketpair()
        self._wakeup.setblocking(False)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        for number in _ENDING:
            _catch(number)
        start_thread("ending", self._listen)

    def be_orderly(self) -> None:
        """Take a signal for a request from here on, which calls what `calls` names.

        The process then has ten seconds, and two from a second signal on; after that it ends with
        exit code 1 and whatever is still open.
        """
        with self._lock:
            self.is_orderly = True

    def calls(self, stop: Callable[[], None], hurry: Callable[[], None] | None = None) -> None:
        """Let a signal call `stop`, in a thread of its own; at once if one has come already.

        A second signal calls `hurry`, for what must not be lost when the end takes too long, and
        so does an end that does take too long.
        """
        with self._lock:
            self._stop, self._hurry = stop, hurry or _do_nothing
            asked = self._asked
        if asked:
            stop()

    def _listen(self) -> None:
        while True:
            if self._asked:
                self._numbers.settimeout(max(self._deadline_s - time.monotonic(), 0.001))
            try:
                numbers = self._numbers.recv(64)
            except TimeoutError:
                _call(self._hurry)
                leave(1)
            for number in numbers:
                if number in _ENDING:
                    self._hear(number)

    def _hear(self, number: int) -> None:
        with self._lock:
            if not self.is_orderly:
                leave(128 + number if self.early_code is None else self.early_code)
            patience_s = _SECOND_PATIENCE_S if self._asked else _PATIENCE_S
            self._deadline_s = min(self._deadline_s, time.monotonic() + patience_s)
            act = self._hurry if self._asked else self._stop
            self._asked = True
        _call(act)


def leave(code: int) -> NoReturn:
    """End the process at once: no thread left behind, as by a camera that hangs, holds it up.

    What was printed must have been flushed.
    """
    os._exit(code)


def _catch(number: signal.Signals) -> None:
    if signal.getsignal(number) is not signal.SIG_IGN:
        # With a handler of Python's, a signal is reported to the socket.
        signal.signal(number, lambda *_: None)
        signal.siginterrupt(number, False)  # what a native library waits for goes on


def _call(act: Callable[[], None]) -> None:
    """Call what may have a defect: the deadline must be kept all the same."""
    try:
        act()
    except Exception:
        sys.excepthook(*sys.exc_info())


def _do_nothing() -> None:
    """Do nothing: what is called as long as nothing else is named."""
