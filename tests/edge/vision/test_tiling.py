"""The views of a frame: they cover it, overlap, and are few enough."""

import numpy as np
import pytest
from scenes import SIZE

from edge.datatypes import BBox
from edge.vision.tiling import (
    MOST_SHORT_SIDES,
    sees_enough,
    sees_whole,
    still_views,
    tile_views,
    video_views,
    whole_view,
)


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (480, 640), (48, 48), (2000, 300)])
def test_tiles_cover_the_frame_and_overlap(size: tuple[int, int]) -> None:
    side = min(size) * 0.54
    tiles = tile_views(size, side)
    covered = np.zeros((size[1], size[0]), bool)
    for tile in tiles:
        covered[int(tile.y1) : round(tile.y2), int(tile.x1) : round(tile.x2)] = True
    assert covered.all()
    face = side * 0.25
    for x in np.linspace(0, size[0] - face, 23):
        for y in np.linspace(0, size[1] - face, 17):
            assert any(t.contains(BBox(x, y, x + face, y + face)) for t in tiles)


def test_a_video_rotation_is_short_and_a_still_gets_more() -> None:
    assert len(video_views(SIZE)) == 13
    assert len(still_views(SIZE)) == 37


@pytest.mark.parametrize(
    "size",
    [(640, 480), (480, 640), (1280, 720), (480, 480), (2560, 1080), (1440, 480), (480, 3000)],
)
def test_a_face_of_any_size_is_whole_in_a_view_that_is_not_too_large_for_it(
    size: tuple[int, int],
) -> None:
    views = video_views(size)
    smallest = min(view.width for view in views) / MOST_SHORT_SIDES
    for face in np.geomspace(smallest * 1.01, min(size) * 0.95, 9):
        for x in np.linspace(0, size[0] - face, 29):
            for y in np.linspace(0, size[1] - face, 13):
                box = BBox(x, y, x + face, y + face)
                assert any(
                    view.contains(box) and face >= view.width / (MOST_SHORT_SIDES + 1e-6)
                    for view in views
                ), (face, x, y)


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1440, 480)])
def test_tiles_reach_past_every_edge_by_a_fifth_of_their_side(size: tuple[int, int]) -> None:
    views = video_views(size)
    side = min(view.width for view in views)
    tiles = [view for view in views if view.width < side * 1.01]
    assert max(min(t.x1 for t in tiles), min(t.y1 for t in tiles)) <= -0.2 * side + 1e-6
    assert max(t.x2 for t in tiles) >= size[0] + 0.2 * side - 1e-6
    assert max(t.y2 for t in tiles) >= size[1] + 0.2 * side - 1e-6


def test_an_image_too_small_for_tiles_is_one_view() -> None:
    assert still_views((48, 48)) == video_views((48, 48)) == (whole_view((48, 48)),)


def test_a_face_cut_by_a_views_edge_is_left_to_another_view() -> None:
    view = BBox(100, 100, 300, 300)
    assert sees_whole(view, BBox(120, 120, 200, 200), SIZE)
    assert not sees_whole(view, BBox(90, 120, 200, 200), SIZE)
    corner = BBox(0, 0, 200, 200)
    assert sees_whole(corner, BBox(-10, -5, 60, 60), SIZE)
    assert sees_whole(whole_view(SIZE), BBox(600, 400, 660, 490), SIZE)


def test_the_mirror_image_of_a_face_is_no_face() -> None:
    view = BBox(-60, 100, 200, 360)
    assert sees_enough(view, BBox(10, 150, 70, 210), SIZE)
    assert not sees_enough(view, BBox(-70, 150, -10, 210), SIZE)
    assert sees_enough(view, BBox(-24, 150, 36, 210), SIZE)  # 60% of it in view
    assert not sees_enough(view, BBox(160, 150, 280, 270), SIZE)  # a third of it in the view


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 2000), (2000, 1), (60000, 3), (10000, 500), (3000, 1000), (2560, 1080)]
)
def test_no_shape_of_a_frame_costs_much_more_than_another(size: tuple[int, int]) -> None:
    usual = len(still_views((4000, 3000)))
    for views in (video_views(size), still_views(size)):
        assert 1 <= len(views) <= 3 * usual
        assert max(view.width for view in views) <= 7 * min(size)
