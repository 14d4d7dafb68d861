"""The square views of the detector, which together cover a frame. Geometry only.

The 128 px network finds faces from about a seventh of its view up to nearly all of it. On a whole
640x480 frame that is a face of 90 px and more; a view of half the frame's height finds one of 40.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from edge.datatypes import BBox

# Sides of the smallest views as shares of the frame's shorter side: about half for faces across a
# room, and a third for still images, which have time for the smaller faces in the back.
ROOM_TILE = 0.54
BACK_ROW_TILE = 0.34

# Views smaller than this hold faces of under 9 px, which no network can read.
LEAST_VIEW_PX = 64

# A wide frame takes more tiles of one size than a square one. A very long one, such as a panorama,
# gets larger tiles, so that it takes no more runs of the network.
MAX_TILES = 40

# A face fills at least a seventh of the view that detects it, and is no higher than the frame.
MOST_SHORT_SIDES = 7

# A view is at most so many times larger than the next smaller ones. With more, the smaller ones
# would have to overlap more, and there would be more views in all.
_LARGEST_STEP = 2.5
_LEAST_OVERLAP = 0.25

# So far, in shares of its side, an outer tile reaches past the edge of the frame. A face with 60%
# in view reaches past it by a third of its box.
_ROOM_PAST_EDGE = 0.2
_BACK_ROW_PAST_EDGE = 0.1

# A tracked face fills this share of its own view: large enough for a precise box, small enough
# that the face is still inside after it moved for a few frames.
_FOLLOWED_SHARE = 0.4

# The least share of a box that lies in the frame. Past its edge a view shows the mirror image of
# the frame: that of a face lies outside, or overlaps the face and is merged with it.
_LEAST_IN_FRAME = 0.38
# The least share of a box that lies in the view.
_LEAST_IN_VIEW = 0.6


def whole_view(size: tuple[int, int]) -> BBox:
    """Return the smallest square around a (width, height) frame, centred."""
    return _centred(size, max(size))


def tile_views(
    size: tuple[int, int], side: float, overlap: float = _LEAST_OVERLAP, past_edge: float = 0.0
) -> list[BBox]:
    """Return the square tiles of `side` pixels that cover a frame, row by row.

    Neighbours overlap by at least the share `overlap` of a tile. The outer ones reach past the
    frame's edge by at least the share `past_edge`, except on an axis that one tile covers.
    """
    lefts, tops = (_starts(length, side, overlap, past_edge) for length in size)
    return [BBox(x, y, x + side, y + side) for y in tops for x in lefts]


@lru_cache(maxsize=8)
def video_views(size: tuple[int, int]) -> tuple[BBox, ...]:
    """Return the views of a video, in rotation: the largest, then the tiles.

    A face is whole in one of them and fills a seventh of it or more, from a seventh of the tiles'
    side, ROOM_TILE, up to the height of the frame.
    """
    return tuple(_views(size, _room_levels(size)))


@lru_cache(maxsize=8)
def still_views(size: tuple[int, int]) -> tuple[BBox, ...]:
    """Return the views of a still image: those of a video, and smaller tiles."""
    back_row = _Level(BACK_ROW_TILE * min(size), _BACK_ROW_PAST_EDGE)
    return tuple(_views(size, [*_room_levels(size), back_row]))


def follow_view(face: BBox) -> BBox:
    """Return the view around one face."""
    (cx, cy), half = face.center, max(face.width, face.height) / _FOLLOWED_SHARE / 2
    return BBox(cx - half, cy - half, cx + half, cy + half)


def sees_whole(view: BBox, face: BBox, size: tuple[int, int]) -> bool:
    """Whether `view` contains `face` as a whole: only the frame's own edges may cut it.

    A face that a view's edge cuts is measured too small, and another view contains it.
    """
    width, height = size
    return (
        (face.x1 >= view.x1 or view.x1 <= 0)
        and (face.y1 >= view.y1 or view.y1 <= 0)
        and (face.x2 <= view.x2 or view.x2 >= width)
        and (face.y2 <= view.y2 or view.y2 >= height)
    )


def sees_enough(view: BBox, face: BBox, size: tuple[int, int]) -> bool:
    """Whether `face` lies in the frame and in `view` for the most part: it may be a real one."""
    frame, area = BBox(0, 0, *size), face.area
    is_in_frame = frame.intersection(face) >= _LEAST_IN_FRAME * area
    return is_in_frame and view.intersection(face) >= _LEAST_IN_VIEW * area


@dataclass(frozen=True, slots=True)
class _Level:
    """The views of one size: their least side, and by what share of it they pass the edge."""

    side: float
    past_edge: float


def _room_levels(size: tuple[int, int]) -> list[_Level]:
    """Return the levels of a video, the largest first, in even steps."""
    largest = float(min(max(size), MOST_SHORT_SIDES * min(size)))
    ratio = ROOM_TILE * min(size) / largest
    steps = math.ceil(-math.log(ratio) / math.log(_LARGEST_STEP))
    sides = [largest * ratio ** (step / steps) for step in range(1, steps + 1)]
    return [_Level(largest, 0.0), *(_Level(side, _ROOM_PAST_EDGE) for side in sides)]


def _views(size: tuple[int, int], levels: Sequence[_Level]) -> Iterator[BBox]:
    """Yield the views of each level, the largest first, without levels that give nothing new."""
    larger = levels[0].side
    if not _count(size, larger, _LEAST_OVERLAP, 0.0):
        yield _centred(size, larger)
        return
    yield from tile_views(size, larger)
    for level in levels[1:]:
        side = level.side
        while side < larger and not _count(size, side, _overlap(side, larger), level.past_edge):
            side *= 1.1
        if LEAST_VIEW_PX <= side < larger:
            yield from tile_views(size, side, _overlap(side, larger), level.past_edge)
            larger = side


def _overlap(side: float, larger: float) -> float:
    """Return the overlap with which the smallest face of the `larger` views is whole in a tile."""
    return max(larger / MOST_SHORT_SIDES / side, _LEAST_OVERLAP)


def _count(size: tuple[int, int], side: float, overlap: float, past_edge: float) -> int:
    """Return the number of tiles, 0 when there would be more than MAX_TILES."""
    if overlap >= 1:
        return 0  # no number of tiles is enough
    count = math.prod(_steps(length, side, overlap, past_edge) + 1 for length in size)
    return count if count <= MAX_TILES else 0


def _centred(size: tuple[int, int], side: float) -> BBox:
    x, y = ((length - side) / 2 for length in size)
    return BBox(x, y, x + side, y + side)


def _starts(length: float, side: float, overlap: float, past_edge: float) -> Sequence[float]:
    """Return the even positions at which segments of `side` cover `length`."""
    steps = _steps(length, side, overlap, past_edge)
    if steps == 0:
        return [(length - side) / 2]
    # As far past the edge as the overlap allows.
    covered = side * (1 + steps * (1 - overlap))
    past = max((covered - length) / 2, 0.0) if past_edge else 0.0
    return [(length + 2 * past - side) * i / steps - past for i in range(steps + 1)]


def _steps(length: float, side: float, overlap: float, past_edge: float) -> int:
    """Return how many steps lie between the first and the last segment."""
    if side >= length:
        return 0
    rest = length + 2 * past_edge * side - side
    return max(math.ceil(rest / (side * (1 - overlap)) - 1e-9), 0)
