"""Damage for bytes: what a bad disk, a broken connection and an attacker make of them."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

# At the edges of what 1, 2 and 4 bytes hold.
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 60_000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes, *, head: int = 0) -> bytes:
    """Return `whole` with one to six injuries, half of them in the first `head` bytes."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        end = head if head and draw(st.booleans()) else len(content)
        at = draw(st.integers(0, max(min(end, len(content)) - 1, 0)))
        _injure(draw, content, at)
    return bytes(content)


def _injure(draw: st.DrawFn, content: bytearray, at: int) -> None:
    match draw(st.sampled_from(("flip", "number", "cut", "drop", "repeat", "insert"))):
        case "flip":
            if content:
                content[at] ^= 1 << draw(st.integers(0, 7))
        case "number":
            number = draw(st.sampled_from(_INTERESTING))
            layout = draw(st.sampled_from((">I", "<I", ">H", "<H", "B")))
            packed = struct.pack(layout, number & (256 ** struct.calcsize(layout) - 1))
            content[at : at + len(packed)] = packed
        case "cut":
            del content[at:]
        case "drop":
            del content[at : at + draw(st.integers(1, 2000))]
        case "repeat":
            piece = bytes(content[at : at + draw(st.integers(1, 2000))])
            content[at:at] = piece * draw(st.integers(1, 3))
        case "insert":
            content[at:at] = draw(st.binary(max_size=64))
