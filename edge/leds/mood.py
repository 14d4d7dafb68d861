"""From faces to brightness and colour. Pure functions, no I/O here.

A level is what a screen would be told in order to look the same: 0..1, perceived, sRGB-encoded.
Only the pins think in light, where twice as many photons is twice the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edge.datatypes import Snapshot
from edge.palette import UNCERTAIN, Rgb, colour_of

DARK: Rgb = (0, 0, 0)


def per_emotion_levels(snapshot: Snapshot, labels: Iterable[str]) -> dict[str, float]:
    """Return each label's level: the surest confidence among the faces that show it, else 0."""
    levels = dict.fromkeys(labels, 0.0)
    for face in snapshot.faces:
        if face.label in levels:
            levels[face.label] = min(max(levels[face.label], face.confidence), 1.0)
    return levels


def rgb_mood(snapshot: Snapshot) -> Rgb:
    """Return the colour of the room: the palette mixed by what all faces probably show.

    Every face counts the same, clear or not. The lights are mixed, not the codes, so that half
    happy and half sad is as bright as either. Dark when nobody is there; the palette's grey while
    nobody has been classified yet.
    """
    moods = [face.probs for face in snapshot.faces if face.probs]
    if moods:
        return _mixed(moods)
    return UNCERTAIN if snapshot.faces else DARK


def _mixed(moods: list[Mapping[str, float]]) -> Rgb:
    light = [0.0, 0.0, 0.0]
    for probs in moods:
        for label, p in probs.items():
            for i, code in enumerate(colour_of(label)):
                light[i] += p / len(moods) * light_of(code / 255)
    red, green, blue = (round(level_of(min(v, 1.0)) * 255) for v in light)
    return red, green, blue


def light_of(level: float) -> float:
    """Return the linear light 0..1, which is a duty cycle, of a level (sRGB, IEC 61966-2-1)."""
    return level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4


def level_of(light: float) -> float:
    """Return the level that gives this light: the inverse of `light_of`."""
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
