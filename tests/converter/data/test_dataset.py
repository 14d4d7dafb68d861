"""The dataset: official splits, no leaks between them, even calibration."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.data.dataset import LABELS, FaceDataset, Split, load_dataset
from converter.errors import DataError

pytestmark = pytest.mark.converter


def test_a_file_reads_back(random_faces, random_npz):
    loaded = load_dataset(random_npz)
    for name in ("images", "labels", "split", "votes"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(random_faces, name))


def test_a_part_is_one_split_whole(random_faces):
    assert [len(random_faces.part(split)) for split in Split] == [42, 14, 14]
    assert (random_faces.part(Split.PRIVATE).split == 2).all()


def test_training_has_no_sample_that_is_held_out(random_faces):
    leaked = random_faces.images.copy()
    leaked[0] = leaked[8]  # PrivateTest's
    leaked[1] = leaked[6]  # PublicTest's
    leaked[3] = leaked[2]  # repeated with the same label
    leaked[12] = leaked[2]  # repeated with another: which label is right is not ours to say
    leaked[4] = 128  # blank
    faces = FaceDataset(
        images=leaked,
        labels=random_faces.labels,
        split=random_faces.split,
        votes=random_faces.votes,
    )
    training = faces.training()
    assert len(training) == 42 - 4
    held_out = {image.tobytes() for image in faces.images[faces.split > 0]}
    assert not held_out & {image.tobytes() for image in training.images}


def test_the_real_training_split_keeps_its_known_number(fer2013):
    faces = load_dataset(fer2013)
    assert [len(faces.part(split)) for split in Split] == [28_685, 3_585, 3_586]
    assert len(faces.training()) == 26_967


def test_stratified_is_even_seeded_and_without_repetition(random_faces):
    chosen = random_faces.stratified(23, seed=3)
    counts = np.bincount(chosen.labels, minlength=len(LABELS))
    assert counts.sum() == 23
    assert set(counts) == {3, 4}
    assert len({image.tobytes() for image in chosen.images}) == 23
    again, other = random_faces.stratified(23, seed=3), random_faces.stratified(23, seed=4)
    np.testing.assert_array_equal(chosen.images, again.images)
    assert (chosen.images != other.images).any()


def test_a_rare_label_gives_all_it_has(random_faces):
    rare = random_faces.take(np.r_[0:2, 10:70])
    counts = np.bincount(rare.stratified(50, seed=0).labels, minlength=len(LABELS))
    assert list(counts) == [2, *[8] * 6]


def test_more_than_there_are_is_refused(random_faces):
    with pytest.raises(DataError, match="71 samples are needed, but the dataset has 70"):
        random_faces.stratified(71, seed=0)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.npz: cannot read the samples: No such file"):
        load_dataset(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"pixels,emotion\n"])
def test_garbage_is_refused(tmp_path, content):
    path = tmp_path / "garbage.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"garbage\.npz: .*not a whole \.npz file"):
        load_dataset(path)


def test_a_truncated_file_is_refused(random_npz):
    random_npz.write_bytes(random_npz.read_bytes()[:60_000])
    with pytest.raises(DataError, match=r"not a whole \.npz file"):
        load_dataset(random_npz)


def test_a_lone_array_is_refused(tmp_path):
    path = tmp_path / "lone.npy"
    np.save(path, np.zeros(3))
    with pytest.raises(DataError, match=r"not a whole \.npz file"):
        load_dataset(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ferplus": None}, "lacks the array 'ferplus'"),
        ({"images": np.zeros((70, 48, 32), np.uint8)}, r"images is \(70, 48, 32\), expected"),
        ({"images": np.zeros((70, 48, 48), np.float32)}, "images is float32, expected uint8"),
        ({"labels": np.full(70, 7, np.uint8)}, r"labels holds 7, expected 0\.\.6"),
        ({"split": np.full(70, 3, np.uint8)}, r"split holds 3, expected 0\.\.2"),
    ],
)
def test_another_layout_is_refused(random_npz, change, message):
    with np.load(random_npz) as data:
        arrays = {**data, **change}
    np.savez(random_npz, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(DataError, match=message):
        load_dataset(random_npz)
