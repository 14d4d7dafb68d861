"""The short version of tests/edge/measure_rooms.py, and cases that it does not draw."""

import itertools

import cv2
import numpy as np
import pytest
from faces import hang, wall
from measure_rooms import (
    Counted,
    demo_faces,
    in_still,
    in_video,
    measure,
    measure_empty,
    shows,
)
from scenes import EDGES, paste, paste_across, paste_at, room

from edge.config import load_config
from edge.datatypes import Frame
from edge.models import load_vision

SEED = 77


@pytest.fixture(scope="module")
def networks() -> Counted:
    return Counted()


def test_faces_inside_rooms_are_found_in_stills(networks: Counted) -> None:
    faces, rng = itertools.cycle(demo_faces()), np.random.default_rng(SEED)
    tally = measure("inside", faces, paste, in_still(networks), count=5, rng=rng)
    assert tally.share >= 0.9
    assert tally.invented == 0


def test_faces_with_60_percent_in_view_are_found_in_stills(networks: Counted) -> None:
    faces, rng = itertools.cycle(demo_faces()), np.random.default_rng(SEED + 1)
    tallies = [
        measure(edge, faces, paste_across(edge, 0.6), in_still(networks), count=2, rng=rng)
        for edge in EDGES
    ]
    assert np.mean([tally.share for tally in tallies]) >= 0.75
    assert sum(tally.invented for tally in tallies) <= 1


@pytest.mark.parametrize("edge", ["left", "bottom"])
def test_a_face_at_an_edge_is_found_and_kept_in_a_video(networks: Counted, edge: str) -> None:
    scene, happy = wall(), demo_faces()[-1]
    at = {"left": (-60, 200), "bottom": (250, 390)}[edge]
    portrait = paste_at(scene, happy, *at, 150)
    boxes = in_video(networks, np.random.default_rng(SEED))(scene)
    assert [shows(box, portrait, (640, 480)) for box in boxes] == [True]


def test_rooms_without_a_face_stay_empty(networks: Counted) -> None:
    assert measure_empty(in_still(networks), 2, np.random.default_rng(SEED)).invented == 0


def test_a_selfie_of_seven_people_shows_all_seven(networks: Counted) -> None:
    """The edges cut four of them, by up to 40% of the portrait."""
    size, side = (640, 480), 190
    selfie = cv2.GaussianBlur(room(np.random.default_rng(SEED), size), (0, 0), 3)
    places = [(-76, 90), (90, 20), (260, 60), (430, 10), (526, 220), (110, 270), (330, 350)]
    people = [
        paste_at(selfie, face, x, y, side)
        for (x, y), face in zip(places, demo_faces()[:7], strict=True)
    ]
    boxes = in_still(networks)(selfie)
    assert [any(shows(box, person, size) for box in boxes) for person in people] == [True] * 7
    assert len(boxes) == 7


@pytest.mark.parametrize("x", [300, 612])
def test_a_face_in_the_middle_of_a_panorama_is_found(networks: Counted, x: int) -> None:
    """216 px in a frame of 1440x480: too small for the whole frame, too large for the tiles."""
    scene = room(np.random.default_rng(SEED), (1440, 480))
    portrait = paste_at(scene, demo_faces()[3], x, 130, 254)
    boxes = in_still(networks)(scene)
    assert [shows(box, portrait, (1440, 480)) for box in boxes] == [True]


def test_a_face_that_touches_the_edge_is_one_face(networks: Counted) -> None:
    """Its mirror image past the edge is none."""
    scene = wall()
    for x, y in ((0, 0), (500, 340)):
        hang(scene, "happy", x, y, 140)
    boxes = in_still(networks)(scene)
    assert len(boxes) == 2
    assert all(box.clip(640, 480).area > 0.8 * box.area for box in boxes)


@pytest.mark.parametrize("size", [(1, 2000), (2000, 1), (60000, 3), (48, 48), (3, 3)])
def test_an_odd_shape_costs_few_runs(networks: Counted, size: tuple[int, int]) -> None:
    networks.runs = 0
    in_still(networks)(np.full((size[1], size[0], 3), 90, np.uint8))
    assert networks.runs <= 7


def test_each_frame_of_a_time_lapse_shows_its_faces_and_their_labels() -> None:
    line = load_vision(load_config()).pipeline(load_config(), live=False)
    for seq in range(3):
        scene = wall()
        hang(scene, "happy", 20 + 200 * seq, 60, 160)
        hang(scene, "surprise", 420 - 180 * seq, 270, 140)
        faces = line.step(Frame(bgr=scene, seq=seq, captured_at_s=float(seq))).faces
        assert sorted(str(face.label) for face in faces) == ["happy", "surprise"]
