"""Ends the process on SIGINT, SIGTERM and SIGHUP.

A signal handler interrupts any code. One that raises leaves resources half open, and one that sets
a threading.Event deadlocks when its own thread is about to wait for that event. The handlers here
therefore do nothing. Python writes the number of the signal to a socket (signal.set_wakeup_fd), and
a separate thread reads it and acts.
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
# systemd kills the process 15 s after SIGTERM (TimeoutStopSec). A second signal shortens the wait.
_PATIENCE_S, _SECOND_PATIENCE_S = 10.0, 2.0


@functools.cache
def listen() -> Ending:
    """Return the process' Ending; the first call, by the main thread, installs the handlers.

    Raises ResourceError when no thread can be started.
    """
    return Ending()


class Ending:
    """The reaction to the signals that end this process; see `listen`.

    At first a signal ends the process at once, with `early_code`, or else with 128 plus its number
    as a shell does. After `be_orderly` it is a request. A signal that was ignored when the process
    started, as under `nohup` and a shell's `&`, stays ignored.
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
        """Treat a signal as a request from now on: it calls the functions given to `calls`.

        The process then has ten seconds to end, and two after a second signal. After that it ends
        with exit code 1, without closing the rest.
        """
        with self._lock:
            self.is_orderly = True

    def calls(self, stop: Callable[[], None], hurry: Callable[[], None] | None = None) -> None:
        """Set `stop` as the function that a signal calls, in a separate thread.

        It is called at once if a signal has arrived already. `hurry` saves data that must not be
        lost. It is called by a second signal, and when the end takes too long.
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
    """End the process at once, without waiting for threads such as that of a camera that hangs.

    Printed output must have been flushed.
    """
    os._exit(code)


def _catch(number: signal.Signals) -> None:
    if signal.getsignal(number) is not signal.SIG_IGN:
        # Python reports a signal to the socket only if it has a Python handler.
        signal.signal(number, lambda *_: None)
        signal.siginterrupt(number, False)  # system calls of native libraries continue


def _call(act: Callable[[], None]) -> None:
    """Call `act`, and print its exception: the deadline must be kept even after a bug."""
    try:
        act()
    except Exception:
        sys.excepthook(*sys.exc_info())


def _do_nothing() -> None:
    """Do nothing; the default of `stop` and `hurry`."""
