"""Draws the LEDs as a line of text: symbols, names, mood and frame rate. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from edge.datatypes import LedState, Report
from edge.leds.animation import PRIVACY, RGB_NAMES, STATUS
from edge.palette import Rgb, colour_of

_UNLIT: Rgb = (74, 78, 84)
_QUIET: Rgb = (134, 140, 148)
_LIVE: Rgb = (96, 220, 130)
_ALARM: Rgb = (255, 92, 92)
_LIT_LEVEL = 0.1
_MIN_NAME = 3  # a shorter name is less useful than the mood in its place


class Span(NamedTuple):
    """A piece of the line in one colour."""

    text: str
    rgb: Rgb
    bold: bool = False


def strip(state: LedState, report: Report, columns: int, bulbs: str = "●") -> list[Span]:
    """Return the line, at most `columns` wide: names are cut first, then the mood is left out.

    `bulbs` are the characters of an LED from dark to bright; with colours one is enough.
    """
    head, tail = list(_head(state, report, bulbs)), list(_tail(report))
    longest = max(map(len, state.levels))
    fully = ((length, tail) for length in range(longest, _MIN_NAME - 1, -1))
    barely: Iterator[tuple[int, list[Span]]] = ((n, []) for n in range(longest, -1, -1))
    for name_length, end in chain(fully, barely):
        line = [*head, *_lamps(state, report, bulbs, name_length), *end]
        if sum(len(span.text) for span in line) <= columns:
            return line
    return []


def plain_line(state: LedState, report: Report) -> str:
    """Return the LEDs as a line for a log; it changes only with the state."""
    if not report.health.healthy:
        return f"LEDs: {_mood(report)}"
    lit = [name for name in _mood_names(state) if state.levels[name] >= _LIT_LEVEL]
    return f"LEDs: {', '.join(lit) or 'dark'}; mood: {_mood(report)}"


def _head(state: LedState, report: Report, bulbs: str) -> Iterator[Span]:
    """Yield the status LED and the privacy LED."""
    yield _bulb(state.levels[STATUS], _LIVE if report.health.healthy else _ALARM, bulbs)
    yield _bulb(state.levels[PRIVACY], _ALARM, bulbs)


def _lamps(state: LedState, report: Report, bulbs: str, name_length: int) -> Iterator[Span]:
    if state.mode == "rgb":
        yield from _rgb_lamp(state, bulbs)
        return
    for name in _mood_names(state):
        level, rgb = state.levels[name], colour_of(name)
        yield Span(" ", _QUIET)
        yield _bulb(level, rgb, bulbs)
        if name_length:
            is_mood = name == _mood(report)
            yield Span(f" {name[:name_length]}", _blend(_QUIET, rgb, level), bold=is_mood)


def _rgb_lamp(state: LedState, bulbs: str) -> Iterator[Span]:
    levels = [state.levels[name] for name in RGB_NAMES]
    level = max(levels)
    red, green, blue = (round(255 * v / level) if level else 0 for v in levels)
    yield Span(" ", _QUIET)
    yield from [_bulb(level, (red, green, blue), bulbs)] * 3


def _tail(report: Report) -> Iterator[Span]:
    mood, healthy = _mood(report), report.health.healthy
    yield Span(f"  {mood:<8}", colour_of(mood) if healthy else _ALARM, bold=True)
    if healthy:
        yield Span(f" {report.health.fps:2.0f} fps", _QUIET)


def _mood(report: Report) -> str:
    """Return the dominant expression, or why there is none."""
    if not report.health.healthy:
        return f"camera {report.health.camera}"
    if report.snapshot is None or not report.snapshot.faces:
        return "no face"
    return report.snapshot.dominant or "unclear"


def _mood_names(state: LedState) -> list[str]:
    return [name for name in state.levels if name not in (STATUS, PRIVACY)]


def _bulb(level: float, rgb: Rgb, bulbs: str) -> Span:
    return Span(bulbs[round(level * (len(bulbs) - 1))], _blend(_UNLIT, rgb, level))


def _blend(dark: Rgb, bright: Rgb, level: float) -> Rgb:
    red, green, blue = (round(d + (b - d) * level) for d, b in zip(dark, bright, strict=True))
    return red, green, blue
