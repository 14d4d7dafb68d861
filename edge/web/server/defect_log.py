"""The log of defects: what failed and where, at a limited rate."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable

log = logging.getLogger(__name__)

_WINDOW_S = 60.0
_MOST_IN_WINDOW = 3  # about two kilobytes each
_MOST_CHARACTERS = 200  # of a text that a client may have sent


class DefectLog:
    """Logs exceptions that no request should cause: three a minute; further ones are counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began_s = float("-inf")
        self._told = self._untold = 0

    def add(self, what: str, exc: BaseException) -> None:
        """Log that `what` failed. Both texts are escaped: a client may have sent them."""
        with self._lock:
            if self._clock() - self._began_s >= _WINDOW_S:
                if self._untold:
                    log.error("web: %d more defects in the minute after the last", self._untold)
                self._began_s, self._told, self._untold = self._clock(), 0, 0
            if self._told >= _MOST_IN_WINDOW:
                self._untold += 1
                return
            self._told += 1
        log.error(
            "web: %s failed: %s\n%s", quoted(what), quoted(repr(exc)), _places(exc).rstrip("\n")
        )


def quoted(text: str) -> str:
    """Return a client's text for one line of the log: escaped, in quotes, and not long."""
    cut = text[:_MOST_CHARACTERS]
    return ascii(cut) + ("..." if cut != text else "")


def _places(exc: BaseException) -> str:
    return "".join(traceback.format_tb(exc.__traceback__))
