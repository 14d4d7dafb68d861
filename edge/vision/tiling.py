"""The square views of the detector, which together cover a frame. Geometry only.

The 128 px network finds faces from about a seventh of its view up to nearly all of it. On a whole
640x480 frame that is a face of 90 px and more; a view of half the frame's height finds one of 40.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from edge.datatypes import BBox

# Tile sides as shares of the frame's shorter side: about half for faces across a room, and a third
# for still images, which have time for the smaller faces in the back.
ROOM_TILE = 0.54
BACK_ROW_TILE = 0.34
# In place of the whole frame where that is very long.
LONG_TILE = 2.0

# A wide frame takes more tiles than a square one, 36 at 21:9. A very long one, such as a panorama,
# gets larger tiles, so that it takes no more runs of the network.
MAX_TILES = 40

# A face fills at least a seventh of the view that detects it, and is no higher than the frame.
MOST_SHORT_SIDES = 7

# A tracked face fills this share of its own view: large enough for a precise box, small enough
# that the face is still inside after it moved for a few frames.
_FOLLOWED_SHARE = 0.4


def whole_view(size: tuple[int, int]) -> BBox:
    """Return the smallest square around a (width, height) frame, centred."""
    return _centred(size, max(size))


def tile_views(size: tuple[int, int], share: float, overlap: float = 0.25) -> list[BBox]:
    """Return square tiles, row by row, of side `share` times the shorter side of the frame.

    Neighbours overlap by at least `overlap` of a tile, so that a face is whole in one of them. The
    tiles are enlarged until there are at most MAX_TILES. There are none where a face would be too
    small to be detected in them.
    """
    side = share * min(size)
    while math.prod(_steps(length, side, overlap) + 1 for length in size) > MAX_TILES:
        side *= 1.1
    if side > MOST_SHORT_SIDES * min(size):
        return []
    lefts, tops = (_starts(length, side, overlap) for length in size)
    return [BBox(x, y, x + side, y + side) for y in tops for x in lefts]


def video_views(size: tuple[int, int]) -> list[BBox]:
    """Return the views of a video, in rotation: the whole frame, then the tiles."""
    return [*_large_views(size), *tile_views(size, ROOM_TILE)]


def still_views(size: tuple[int, int]) -> list[BBox]:
    """Return the views of a still image: the whole frame and two sizes of tiles."""
    return [
        *_large_views(size),
        *([] if _is_long(size) else tile_views(size, ROOM_TILE)),
        *tile_views(size, BACK_ROW_TILE),
    ]


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


def _large_views(size: tuple[int, int]) -> list[BBox]:
    """Return the whole frame as one view, or as several where a face would be too small in one."""
    if not _is_long(size):
        return [whole_view(size)]
    return tile_views(size, LONG_TILE) or [_centred(size, MOST_SHORT_SIDES * min(size))]


def _is_long(size: tuple[int, int]) -> bool:
    return max(size) > MOST_SHORT_SIDES * min(size)


def _centred(size: tuple[int, int], side: float) -> BBox:
    x, y = ((length - side) / 2 for length in size)
    return BBox(x, y, x + side, y + side)


def _starts(length: float, side: float, overlap: float) -> Sequence[float]:
    """Return the even positions at which segments of `side` cover `length`."""
    steps = _steps(length, side, overlap)
    if steps == 0:
        return [(length - side) / 2]
    return [(length - side) * i / steps for i in range(steps + 1)]


def _steps(length: float, side: float, overlap: float) -> int:
    """Return how many steps lie between the first and the last segment."""
    return max(math.ceil((length - side) / (side * (1 - overlap))), 0)
