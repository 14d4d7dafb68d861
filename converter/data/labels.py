"""The seven expressions, and their names in other datasets."""

from __future__ import annotations

from collections.abc import Mapping

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's own order."""

DROPPED = "contempt"
"""A label of CK+ and FER+ that FER2013 does not have."""

_ALIASES = {
    "angry": ("anger",),
    "disgust": ("disgusted",),
    "fear": ("fearful", "afraid", "scared"),
    "happy": ("happiness", "joy", "smile"),
    "sad": ("sadness",),
    "surprise": ("surprised",),
    "neutral": ("normal", "none"),
    DROPPED: ("contemptuous",),
}

NAMES = {name: label for label, aliases in _ALIASES.items() for name in (label, *aliases)}
"""Every known name in lower case, and its label or "contempt"."""

KNOWN = ", ".join((*LABELS, DROPPED))
"""For messages."""


def label_of(name: str, own: Mapping[str, str] | None = None) -> str | None:
    """Return the label, or "contempt", of `name`; None for any other word.

    Case and a leading number ("3_happy", "03-happiness") do not matter, and a number alone is an
    index of LABELS, as in FER2013's own file. `own` are labels by `key_of` names, which come
    first; with it a number means what it says and nothing else.
    """
    word = key_of(name)
    if own and (word in own or word.isdecimal()):
        return own.get(word)
    if word.isdecimal():
        return LABELS[int(word)] if int(word) < len(LABELS) else None
    return NAMES.get(word.lstrip("0123456789_-. "))


def key_of(name: str) -> str:
    """Return the form in which names are compared: lower case, numbers without leading zeros."""
    word = name.strip().lower()
    return str(int(word)) if word.isdecimal() else word
