from typing import Any

import numpy as np
import pytest
from faces import hang, wall
from scenes import room

from edge.config import load_config
from edge.datatypes import BBox, BgrImage, Track
from edge.models import pipeline_parts
from edge.vision.motion import MotionFilter
from edge.vision.tiling import video_views

SIZE = (640, 480)
VIEWS = video_views(SIZE)
FPS = 15


def noisy(bgr: BgrImage, rng: np.random.Generator, sd: float = 8.0) -> BgrImage:
    noise = rng.standard_normal(bgr.shape, np.float32) * np.float32(sd)
    return np.clip(bgr + noise, 0, 255).astype(np.uint8)


def noises(bgr: BgrImage, seed: int) -> list[BgrImage]:
    """Return a few frames of the same scene, as a noisy camera delivers them."""
    rng = np.random.default_rng(seed)
    return [noisy(bgr, rng) for _ in range(4)]


def track(box: BBox, hits: int = 9, missed: int = 0) -> Track:
    return Track(track_id=1, box=box, keypoints=None, hits=hits, missed=missed)


def round_of(motion: MotionFilter) -> list[int]:
    return [number for number, view in enumerate(VIEWS) if motion.is_due(view)]


def settled(again_s: float = 1.0) -> MotionFilter:
    """Return a filter that has seen a wall, and every view searched at 0 s."""
    motion = MotionFilter(again_s)
    motion.observe(wall(), (), 0.0)
    assert round_of(motion) == list(range(len(VIEWS)))
    return motion


def test_a_still_room_is_searched_once_a_second_however_noisy_the_camera() -> None:
    motion, runs = MotionFilter(1.0), 0
    frames = noises(room(np.random.default_rng(1)), 1)
    for seq in range(5 * FPS):
        motion.observe(frames[seq % len(frames)], (), seq / FPS)
        runs += len(round_of(motion))
    assert runs == 5 * len(VIEWS)


@pytest.mark.parametrize(("x", "y", "side"), [(20, 20, 40), (590, 430, 45), (300, 200, 200)])
def test_each_view_that_sees_a_new_face_is_due_at_once(x: int, y: int, side: int) -> None:
    motion = settled()
    scene = wall()
    face = hang(scene, "neutral", x, y, side)
    motion.observe(scene, (), 1 / FPS)
    due = round_of(motion)
    assert set(due) >= {n for n, view in enumerate(VIEWS) if view.contains(face)}
    assert len(due) < len(VIEWS) or side > 100


def test_where_something_moved_a_view_stays_due_for_a_moment() -> None:
    motion = settled(again_s=5.0)
    scene = wall()
    hang(scene, "neutral", 20, 20, 40)
    due = []
    for seq in range(1, 2 * FPS):
        motion.observe(scene, (), seq / FPS)
        due.append(bool(round_of(motion)))
    assert due == [True] * 9 + [False] * (len(due) - 9)


def test_a_slow_change_adds_up_since_the_last_run() -> None:
    motion = settled(again_s=5.0)
    scene, face = wall(), wall()
    hang(face, "happy", 100, 100, 120)
    due = []
    for step in range(1, 31):
        share = step / 30
        mixed = (scene * (1 - share) + face * share).astype(np.uint8)
        motion.observe(mixed, (), step / FPS)
        due += round_of(motion)
    assert due


def test_a_camera_that_adapts_its_exposure_moves_nothing() -> None:
    motion = settled()
    motion.observe(np.clip(wall().astype(int) + 40, 0, 255).astype(np.uint8), (), 1 / FPS)
    assert round_of(motion) == []


def test_a_tracked_face_that_moves_is_followed_and_nothing_else_is_searched() -> None:
    motion = MotionFilter(1.0)
    for seq in range(2):
        scene = wall()
        box = hang(scene, "happy", 250 + 8 * seq, 200, 100)
        motion.observe(scene, (track(box),), seq / FPS)
        due, follow = round_of(motion), motion.is_face_due(track(box))
    assert due == []
    assert follow


def test_a_steady_face_that_does_not_move_is_followed_four_times_a_second() -> None:
    scene = wall()
    box = hang(scene, "happy", 250, 200, 100)
    motion, runs, frames = MotionFilter(1.0), 0, noises(scene, 2)
    for seq in range(4 * FPS):
        motion.observe(frames[seq % len(frames)], (track(box),), seq / FPS)
        runs += motion.is_face_due(track(box))
    assert runs == pytest.approx(16, abs=1)


@pytest.mark.parametrize("unsure", [{"hits": 1}, {"missed": 1}])
def test_a_face_that_is_new_or_missed_is_followed_in_each_turn(unsure: dict[str, int]) -> None:
    scene = wall()
    box = hang(scene, "happy", 250, 200, 100)
    motion = MotionFilter(1.0)
    for seq in range(5):
        motion.observe(scene, (track(box, **unsure),), seq / FPS)
        assert motion.is_face_due(track(box, **unsure))


@pytest.mark.parametrize("again_s", [0.0, 1.0])
def test_without_a_frame_or_with_the_filter_off_every_view_is_due(again_s: float) -> None:
    motion = MotionFilter(again_s)
    if again_s == 0:
        for seq in range(3):
            motion.observe(wall(), (), seq / FPS)
            assert len(round_of(motion)) == len(VIEWS)
    assert len(round_of(motion)) == len(VIEWS)
    assert motion.is_face_due(track(BBox(0, 0, 50, 50)))


@pytest.mark.parametrize(
    "size", [(160, 120), (1280, 720), (641, 479), (480, 640), (1, 1), (2000, 3), (2, 3000)]
)
def test_any_size_of_frame_is_taken(size: tuple[int, int]) -> None:
    motion = MotionFilter(1.0)
    views = video_views(size)
    rng = np.random.default_rng(3)
    for seq, level in enumerate((100, 100, 140)):
        scene = np.full((size[1], size[0], 3), 100, np.uint8)
        scene[: size[1] // 2] = level
        motion.observe(noisy(scene, rng, 1.0), (), seq / FPS)
        due = [view for view in views if motion.is_due(view)]
        if seq == 1 and min(size) > 100:
            assert due == []
    assert due or min(size) <= 3


def test_a_frame_of_another_size_makes_every_view_due() -> None:
    motion = settled()
    motion.observe(wall(1280, 720), (), 1 / FPS)
    assert len([v for v in video_views((1280, 720)) if motion.is_due(v)]) == len(
        video_views((1280, 720))
    )
    motion.observe(wall(), (), 2 / FPS)
    assert len(round_of(motion)) == len(VIEWS)


@pytest.mark.parametrize("at_s", [-5.0, float("nan"), 1e9])
def test_a_time_that_jumps_makes_every_view_due(at_s: float) -> None:
    motion = settled()
    motion.observe(wall(), (), at_s)
    assert len(round_of(motion)) == len(VIEWS)


def test_nothing_is_kept_of_faces_that_left_or_after_a_reset() -> None:
    motion = settled()
    for number in range(100):
        one = Track(track_id=number, box=BBox(9, 9, 99, 99), keypoints=None, hits=1, missed=0)
        motion.observe(wall(), (one,), number / FPS)
        motion.is_face_due(one)
    assert len(motion._faces) == 1
    assert len(motion._views) == len(VIEWS)
    motion.reset()
    assert (motion._faces, motion._views, motion._now) == ({}, {}, None)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.25, 0.125])
def test_a_share_of_the_frames_is_searched(share: float) -> None:
    motion = MotionFilter(0.01)  # each view is due in each frame
    motion.share = share
    busy = 0
    for seq in range(48):
        motion.observe(wall(), (), seq / FPS)
        busy += motion.is_due(VIEWS[0])
    assert busy == 48 * share


def test_a_filter_that_is_off_knows_no_share() -> None:
    motion = MotionFilter(0.0)
    motion.share = 0.125
    for seq in range(5):
        motion.observe(wall(), (), seq / FPS)
        assert motion.is_due(VIEWS[0])


@pytest.mark.parametrize(
    ("settings", "spares"),
    [
        ({}, True),
        ({"stream": {"privacy": "pixelate"}}, False),
        ({"mqtt": {"enabled": True}}, True),
    ],
)
def test_no_search_is_spared_while_faces_are_pixelated(
    settings: dict[str, Any], spares: bool
) -> None:
    motion = pipeline_parts(load_config(overrides=settings)).motion
    view = BBox(0, 0, 480, 480)
    due = []
    for seq in range(3):
        motion.observe(np.full((480, 640, 3), 90, np.uint8), (), seq / 15)
        due.append(motion.is_due(view))
    assert due == [True, not spares, not spares]


def test_a_filter_that_is_switched_off_and_on_searches_everything_in_between() -> None:
    motion = settled()
    motion.share = 0.125
    motion.again_s = 0.0
    for seq in range(1, 4):
        motion.observe(wall(), (), seq / FPS)
        assert round_of(motion) == list(range(len(VIEWS)))
    motion.again_s, motion.share = 1.0, 1.0
    found = []
    for seq in range(4, 6):
        motion.observe(wall(), (), seq / FPS)
        found.append(len(round_of(motion)))
    assert found == [len(VIEWS), 0]
