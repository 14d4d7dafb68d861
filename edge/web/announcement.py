"""The text that is printed once the device runs: the page's addresses and the access code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from edge import __version__
from edge.web.qr_code import qr_code

if TYPE_CHECKING:
    from edge.web.setup import PageInfo


def announce(page: PageInfo, stream: TextIO) -> None:
    """Write the text in one piece: LEDs may be drawn on the same terminal. Raises OSError."""
    stream.write("".join(f"{line}\n" for line in _lines(page, stream)))
    stream.flush()


def _lines(page: PageInfo, stream: TextIO) -> Iterator[str]:
    here, *elsewhere = page.urls
    yield f"emotion-edge {__version__} on {here} (Ctrl-C ends it)"
    for url in elsewhere:
        yield f"for other devices: {url}"
    if page.for_phones and (drawn := qr_code(page.for_phones, stream)):
        yield drawn
    if page.code is not None:
        # Output that is not a terminal may be a journal, which would keep the code.
        shown = page.code if stream.isatty() else "shown by `emotion-edge code`"
        yield f"access code: {shown}"
    if page.fingerprint is not None:
        yield f"certificate (SHA-256): {page.fingerprint}"
