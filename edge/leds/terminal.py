"""Shows the LEDs in a terminal, for machines without LEDs."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TextIO

from edge.datatypes import LedState, Report
from edge.errors import OutputError, OutputGone
from edge.leds.strip import Span, plain_line, strip

_PLAIN_EVERY_S = 3.0  # between two lines of a log file
# The pipe's reader ended, the terminal was closed, or the stream was never open. A stream that this
# program closed raises ValueError.
_FINAL = frozenset({errno.EPIPE, errno.EIO, errno.EBADF})
_ROUND, _ASCII = "○◔◑◕●", ".-+*#"  # an LED from dark to bright, in one colour

# ECMA-48 and xterm control sequences; ?25 is the cursor, ?7 the wrapping of long lines. Without
# wrapping the line stays one line when a window becomes narrower.
_BEGIN, _END = "\x1b[?25l\x1b[?7l", "\r\x1b[K\x1b[?7h\x1b[?25h"


class TerminalLeds:
    """A Sink that redraws one line in place; into a pipe it writes a plain line when it changes.

    `environ` may turn off colours (NO_COLOR, see no-color.org) or drawing (TERM=dumb).
    """

    name = "terminal"

    def __init__(
        self,
        leds_state: Callable[[], LedState],
        stream: TextIO,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leds_state = leds_state
        self._stream = stream
        self._clock = clock
        self._draws = stream.isatty() and environ.get("TERM") != "dumb"
        self._colours = not environ.get("NO_COLOR")
        signs = _ROUND if can_encode(stream, _ROUND) else _ASCII
        self._bulbs = signs[-1] if self._colours else signs
        self._drawn = False
        self._said = ""
        self._said_at_s = -_PLAIN_EVERY_S

    def show(self, report: Report) -> None:
        """Draw the LEDs. Raises OutputError; OutputGone when the reader has ended."""
        try:
            if self._draws:
                self._draw(report)
            else:
                self._say(report)
        except (OSError, ValueError) as exc:
            error = OutputGone if _is_final(exc) else OutputError
            raise error(f"terminal: cannot write: {exc}") from exc

    def close(self) -> None:
        """Clear the line and show the cursor."""
        if self._drawn:
            self._drawn = False
            with suppress(OSError, ValueError):
                self._write(_END)

    def _draw(self, report: Report) -> None:
        columns = shutil.get_terminal_size().columns - 1
        line = strip(self._leds_state(), report, columns, self._bulbs)
        begin = "" if self._drawn else _BEGIN
        self._drawn = True
        # The cursor stays at the left, where a log message begins.
        self._write(f"{begin}\r{''.join(map(self._painted, line))}\x1b[K\r")

    def _painted(self, span: Span) -> str:
        if not self._colours:
            return span.text
        red, green, blue = span.rgb
        weight = "1;" if span.bold else ""
        return f"\x1b[{weight}38;2;{red};{green};{blue}m{span.text}\x1b[0m"

    def _say(self, report: Report) -> None:
        now_s, line = self._clock(), plain_line(self._leds_state(), report)
        if line != self._said and now_s - self._said_at_s >= _PLAIN_EVERY_S:
            self._write(f"{line}\n")
            self._said, self._said_at_s = line, now_s

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _is_final(exc: OSError | ValueError) -> bool:
    """Whether the stream is closed permanently."""
    if isinstance(exc, OutputError):  # standard output's own, see streams.py
        exc = exc.__cause__ if isinstance(exc.__cause__, OSError) else exc
    return not isinstance(exc, OSError) or exc.errno in _FINAL


def can_encode(stream: TextIO, text: str) -> bool:
    """Whether `text` can be written to `stream`, which ASCII cannot for the symbols."""
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
