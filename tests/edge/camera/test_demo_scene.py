import json
import threading
import time
from importlib import resources

import numpy as np
import pytest

from edge.camera.demo.portrait import HEIGHT_PX, WIDTH_PX, Look, Portraits, face_tile, morphed
from edge.camera.demo.scene import ABSENCE_PERIOD_S, ACTORS, HOLD_S, DemoScene
from edge.errors import CameraError, MediaError

FACES = resources.files("edge.camera.demo") / "faces"


@pytest.fixture(scope="module")
def scene():
    return DemoScene()


def test_every_face_is_the_average_of_a_hundred_people_or_more():
    people = json.loads((FACES / "people.json").read_text())["people"]
    pictures = {path.name for path in FACES.iterdir() if path.name.endswith(".png")}
    assert set(people) == pictures
    assert min(people.values()) >= 100
    assert sum(len((FACES / name).read_bytes()) for name in pictures) < 400_000


def test_a_moment_always_looks_the_same(scene):
    picture = scene.render(7.3)
    assert (picture.shape, picture.dtype) == ((480, 640, 3), np.uint8)
    np.testing.assert_array_equal(picture, DemoScene().render(7.3))
    assert (picture != scene.render(7.8)).any()


@pytest.mark.parametrize("size", [(160, 120), (1280, 720), (333, 517)])
def test_the_scene_fits_any_frame(size):
    scene = DemoScene(size)
    assert scene.render(3.0).shape == (size[1], size[0], 3)
    assert len(scene.intended(3.0)) == 2


def test_faces_are_seen_near_and_far(scene):
    times = np.arange(0, 60, 0.5)
    widths = [each.box.width for t in times for each in scene.intended(t)]
    assert 85 < min(widths) < 110
    assert 200 < max(widths) < 235


def test_actors_hold_at_least_four_expressions_and_change_between(scene):
    held = {actor.name: set() for actor in ACTORS}
    for t in np.arange(0, 60, 0.25):
        for each in scene.intended(t):
            held[each.actor].add(each.label)
    for labels in held.values():
        assert None in labels
        assert len(labels - {None}) >= 4
    assert scene.intended(HOLD_S - 0.1)[0].label is not None
    assert scene.intended(HOLD_S + 0.5)[0].label is None


def test_one_actor_leaves_and_comes_back(scene):
    times = np.arange(0, 2 * ABSENCE_PERIOD_S, 0.5)
    present = [len(scene.intended(t)) for t in times]
    assert set(present) == {1, 2}
    assert present[0] == present[-1] == 2
    changes = np.flatnonzero(np.diff(present))
    assert len(changes) == 4
    assert 3.0 < times[changes[1]] - times[changes[0]] < 12.0


def test_a_face_is_drawn_where_it_is_said_to_be(scene):
    empty = scene._stage.render(2.0).astype(int)
    changed = np.abs(scene.render(2.0).astype(int) - empty).max(axis=2)
    for each in scene.intended(2.0):
        box = each.box.expand(0.7)
        inside = changed[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)]
        assert (inside > 20).mean() > 0.6


def test_movement_is_smooth(scene):
    steps = []
    for t in np.arange(0, 20, 1 / 30):
        before, after = (
            {each.actor: each.box.center for each in scene.intended(moment)}
            for moment in (t, t + 1 / 30)
        )
        steps += [np.hypot(*np.subtract(before[a], after[a])) for a in before.keys() & after.keys()]
    assert max(steps) < 6


def test_a_morph_goes_from_one_face_to_the_other():
    start, end = face_tile("dark", "neutral"), face_tile("dark", "happy")
    near_start, middle, near_end = (
        morphed("dark", "neutral", "happy", share).astype(int) for share in (0.02, 0.5, 0.98)
    )
    assert np.abs(near_start - start).mean() < 3
    assert np.abs(near_end - end).mean() < np.abs(middle - end).mean()
    assert np.abs(middle - start).mean() > 3


def test_portraits_are_premultiplied():
    portraits = Portraits(ACTORS[0].look)
    portrait = portraits.draw("happy", "sad", 0.5)
    assert portrait.shape == (HEIGHT_PX, WIDTH_PX, 4)
    assert (portrait[..., :3].max(axis=2)[portrait[..., 3] == 0] == 0).all()
    assert portrait[HEIGHT_PX // 2, WIDTH_PX // 2, 3] == 255


def test_a_missing_face_is_reported():
    look = Look(faces="none", skin=ACTORS[0].look.skin, metal=(1, 2, 3))
    with pytest.raises(MediaError, match=r"faces/none-happy\.png: missing"):
        Portraits(look).draw("happy", "happy", 0.0)


def read_on(scene):
    while True:
        scene.read(2.0)


def test_frames_come_in_real_time_until_closed():
    scene = DemoScene((160, 120), fps=20)
    started_s = time.monotonic()
    frames = [scene.read(2.0) for _ in range(11)]
    assert 0.4 < time.monotonic() - started_s < 2.5
    seqs = [frame.seq for frame in frames]
    assert seqs == sorted(set(seqs))
    assert frames[0].size == (160, 120)
    threading.Timer(0.1, scene.close).start()
    with pytest.raises(CameraError, match="demo scene: closed"):
        read_on(scene)
    scene.close()
