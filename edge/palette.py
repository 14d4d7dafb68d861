"""One colour for each expression, the same on LEDs, in the terminal and on the page."""

from __future__ import annotations

Rgb = tuple[int, int, int]

# Okabe & Ito, "Color Universal Design" (2008): distinguishable with colour blindness, too.
_COLOURS: dict[str, Rgb] = {
    "angry": (213, 94, 0),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happy": (240, 228, 66),
    "sad": (0, 114, 178),
    "surprise": (86, 180, 233),
    "neutral": (200, 204, 208),
}
UNCERTAIN: Rgb = (140, 146, 152)


def colour_of(label: str | None) -> Rgb:
    """Return the (red, green, blue) 0..255 of a label; grey for None or an unknown label."""
    return UNCERTAIN if label is None else _COLOURS.get(label, UNCERTAIN)
