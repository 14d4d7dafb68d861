"""Converts faces to brightness and colour. Pure functions, no I/O here.

A level is perceived brightness, 0..1, sRGB-encoded as for a screen. Only the pins use linear light,
where twice the number is twice the light.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edge.datatypes import Snapshot
from edge.palette import UNCERTAIN, Rgb, colour_of

DARK: Rgb = (0, 0, 0)


def per_emotion_levels(snapshot: Snapshot, labels: Iterable[str]) -> dict[str, float]:
    """Return each label's level: the highest confidence of a face with this label, else 0."""
    levels = dict.fromkeys(labels, 0.0)
    for face in snapshot.faces:
        if face.label in levels:
            levels[face.label] = min(max(levels[face.label], face.confidence), 1.0)
    return levels


def rgb_mood(snapshot: Snapshot) -> Rgb:
    """Return the colour of all faces: the palette weighted by their mean probabilities.

    Every face has the same weight, uncertain or not. Linear light is mixed, so that half happy and
    half sad is as bright as either. The colour is dark without a face, and the palette's grey while
    no face has been classified yet.
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
    """Return the linear light 0..1, a duty cycle, of a level (sRGB, IEC 61966-2-1)."""
    return level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4


def level_of(light: float) -> float:
    """Return the level of a linear light: the inverse of `light_of`."""
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
