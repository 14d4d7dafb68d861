"""Chooses the faces to classify in a frame. No I/O, no clock: times come with the frames."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from edge.datatypes import Track

# While its expression changes, a face is classified more often, by this factor.
_CHANGING_FACTOR = 2.0
# A frame this share of the interval early is as good as due: the frames of a camera are not even.
_EARLY = 0.1


@dataclass(frozen=True, slots=True)
class _Turn:
    """When a face was classified last and is due again."""

    last_s: float
    due_s: float


class ClassificationTurns:
    """Gives each track `rate_hz` classifications a second, and twice as many while it changes.

    At most `max_per_frame` faces are chosen in a frame: first those that were never classified,
    then those that wait the longest. If there are no more than that, a face that will be due before
    long joins one that is: together they take less time, and their rate is the same. `share`, 0..1,
    lowers the rate of all of them.
    """

    def __init__(self, *, rate_hz: float, max_per_frame: int) -> None:
        self._interval_s = 1 / rate_hz
        self._max_per_frame = max_per_frame
        self._turns: dict[int, _Turn] = {}
        self.share = 1.0

    def choose(self, tracks: Sequence[Track], at_s: float) -> list[Track]:
        """Return the tracks to classify in this frame, the longest not classified first."""
        due = [track for track in tracks if self._due_s(track.track_id, at_s) <= at_s]
        if due and len(tracks) <= self._max_per_frame:
            return [t for t in tracks if t in due or self._may_join(t.track_id, at_s)]
        due.sort(key=lambda track: self._last_s(track.track_id, at_s))
        return due[: self._max_per_frame]

    def note(self, track_id: int, at_s: float, *, is_changing: bool) -> None:
        """Record that a track was classified, and whether its expression changes."""
        before = self._turns.get(track_id)
        wait_s = self._interval_s / max(self.share, 1e-3)
        if is_changing:
            wait_s /= _CHANGING_FACTOR
        # From the time it was due, so that the mean rate is kept at any frame rate.
        from_s = at_s if before is None or before.due_s < at_s - wait_s else before.due_s
        self._turns[track_id] = _Turn(at_s, from_s + wait_s)

    def keep_only(self, track_ids: Collection[int]) -> None:
        """Forget every track that is not in `track_ids`."""
        self._turns = {i: turn for i, turn in self._turns.items() if i in track_ids}

    def reset(self) -> None:
        """Forget every track."""
        self._turns = {}

    def _due_s(self, track_id: int, at_s: float) -> float:
        """Return when a track is due; minus infinity before its first turn or after a step back."""
        if self._last_s(track_id, at_s) == -math.inf:
            return -math.inf
        return self._turns[track_id].due_s - _EARLY * self._interval_s

    def _may_join(self, track_id: int, at_s: float) -> bool:
        """Whether a track that is not due has waited for half of its time."""
        turn = self._turns[track_id]
        return at_s >= (turn.last_s + turn.due_s) / 2

    def _last_s(self, track_id: int, at_s: float) -> float:
        """Return when a track was classified; minus infinity if never or after a step back."""
        turn = self._turns.get(track_id)
        return -math.inf if turn is None or at_s < turn.last_s else turn.last_s
