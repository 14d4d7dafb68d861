"""Remembers the places at which a possible face failed verification. No I/O, no clock."""

from __future__ import annotations

from collections import deque

from edge.datatypes import BBox
from edge.vision.nms import is_same_face

# More than the false faces of a round in a cluttered room, which are one or two.
_MOST_PLACES = 16


class Refusals:
    """Counts the refusals at each of the last places, so that each verification differs."""

    def __init__(self) -> None:
        self._places: deque[tuple[BBox, int]] = deque(maxlen=_MOST_PLACES)

    def count(self, box: BBox) -> int:
        """Return how often a face at the place of `box` was refused."""
        return next((count for place, count in self._places if is_same_face(place, box)), 0)

    def add(self, box: BBox) -> None:
        """Count one more refusal at the place of `box`."""
        count = self.count(box) + 1
        others = [(place, n) for place, n in self._places if not is_same_face(place, box)]
        self._places = deque([*others, (box, count)], maxlen=_MOST_PLACES)
