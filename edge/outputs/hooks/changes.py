"""Which changes of mood and faces are told, and when. No I/O here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from edge.datatypes import Report
from edge.outputs.moods import faces_of, mood_of

Kind = Literal["mood", "face"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change: the room's mood, and the number of faces, after it."""

    kind: Kind
    mood: str
    faces: int

    def to_dict(self) -> dict[str, Any]:
        """Return the event as JSON-ready values."""
        return {"event": self.kind, "mood": self.mood, "faces": self.faces}


class _Settled(Generic[T]):
    """A value that counts once it has lasted for a while."""

    def __init__(self, first: T) -> None:
        self.value = first
        self._next = first
        self._since_s = 0.0

    def forget_reading(self) -> None:
        """Let the next reading begin to last when it comes."""
        self._next = self.value

    def update(self, value: T, now_s: float, after_s: float) -> bool:
        """Take a new reading; whether the settled value has changed. Time may go back."""
        if value != self._next or now_s < self._since_s:
            self._next, self._since_s = value, now_s
        if self._next == self.value or now_s - self._since_s < after_s:
            return False
        self.value = self._next
        return True


class Changes:
    """Turns reports into events: a mood, or a number of faces, that has lasted `debounce_s`.

    While the camera is not live nothing is seen: the faces that are in view afterwards have
    appeared, and the mood is told if it is another one than before.
    """

    def __init__(self, debounce_s: float) -> None:
        self._debounce_s = debounce_s
        self._mood: _Settled[str | None] = _Settled(None)
        self._faces: _Settled[int] = _Settled(0)

    def events(self, report: Report, now_s: float) -> tuple[Event, ...]:
        """Return what has changed by now."""
        mood, faces = mood_of(report), faces_of(report)
        if mood is None or faces is None:
            self._faces = _Settled(0)
            self._mood.forget_reading()
            return ()
        before = self._faces.value
        found: list[Kind] = []
        if self._mood.update(mood, now_s, self._debounce_s):
            found.append("mood")
        if self._faces.update(faces, now_s, self._debounce_s) and faces > before:
            found.append("face")
        return tuple(Event(kind=kind, mood=mood, faces=faces) for kind in found)
