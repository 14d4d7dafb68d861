"""Shows the progress of a long job: a redrawn line on a terminal, one every 10 s in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_TERMINAL_EVERY_S, _LOG_EVERY_S = 0.2, 10.0


class Progress:
    """Counts finished items of `total`, None when the total is unknown.

    When the stream cannot be written, the display ends and the job continues.
    """

    def __init__(
        self,
        total: int | None,
        unit: str,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._unit = unit
        self._stream: TextIO | None = stream
        self._clock = clock
        self._redraws = stream.isatty()
        self._started_s = self._told_s = clock()
        self._done = 0

    def advance(self, count: int = 1) -> None:
        """Count more items; show the progress when the interval is over."""
        self._done += count
        every_s = _TERMINAL_EVERY_S if self._redraws else _LOG_EVERY_S
        if self._clock() - self._told_s >= every_s:
            self._told_s = self._clock()
            start, end = ("\r\x1b[K", "") if self._redraws else ("", "\n")
            self._tell(f"{start}{self.line()}{end}")

    def close(self) -> None:
        """Clear the terminal's line."""
        if self._redraws:
            self._tell("\r\x1b[K")

    def _tell(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._stream = None

    def line(self) -> str:
        """Return for example "120/340 frames, 14.2/s, 16 s left"."""
        rate = self._done / max(self._clock() - self._started_s, 1e-3)
        if self._total is None or self._done > self._total:  # a video may state too few
            return f"{self._done} {self._unit}, {rate:.1f}/s"
        left_s = max(self._total - self._done, 0) / max(rate, 1e-3)
        return f"{self._done}/{self._total} {self._unit}, {rate:.1f}/s, {left_s:.0f} s left"
