"""Folders of images: FER2013's copies, CK+, MMA, and damaged ones."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter import cli
from converter.data.dataset import read_dataset
from converter.data.faces import Split
from converter.data.label_map import label_map
from converter.data.labels import LABELS
from converter.errors import DataError

pytestmark = pytest.mark.converter


def put(root, name, image=None, seed=0):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if image is None:
        image = np.random.default_rng(seed).integers(0, 256, (48, 48), np.uint8)
    cv2.imwrite(str(path), image)
    return path


@pytest.fixture
def tree(tmp_path):
    """A tree of train and test with 20 and 4 images of each label."""
    for number, label in enumerate(LABELS):
        for i in range(20):
            put(tmp_path, f"tree/train/{label}/{i}.png", seed=number * 100 + i)
        for i in range(4):
            put(tmp_path, f"tree/test/{label}/{i}.png", seed=5000 + number * 100 + i)
    return tmp_path / "tree"


def per_split(faces):
    return {split: len(faces.part(split)) for split in Split}


def test_without_validation_a_tenth_of_each_label_stands_in(tree):
    reading = read_dataset(tree)
    assert per_split(reading.faces) == {Split.TRAINING: 126, Split.PUBLIC: 14, Split.PRIVATE: 28}
    assert np.bincount(reading.faces.part(Split.PUBLIC).labels).tolist() == [2] * 7
    assert "no folder of validation images" in reading.notes[0]
    again = read_dataset(tree).faces
    assert (again.split == reading.faces.split).all()


def test_a_folder_of_validation_images_is_used(tree):
    put(tree, "validation/happiness/1.jpg")
    reading = read_dataset(tree)
    assert per_split(reading.faces) == {Split.TRAINING: 140, Split.PUBLIC: 1, Split.PRIVATE: 28}
    assert not reading.notes


def test_a_tree_without_splits_is_split(tmp_path):
    # As CK+ comes: its own names of labels, with contempt.
    for number, name in enumerate(("anger", "contempt", "disgust", "sadness")):
        for i in range(10):
            put(tmp_path, f"ck/{name}/{i}.png", seed=number * 10 + i)
    reading = read_dataset(tmp_path / "ck")
    assert per_split(reading.faces) == {Split.TRAINING: 24, Split.PUBLIC: 3, Split.PRIVATE: 3}
    assert set(reading.faces.labels.tolist()) == {0, 1, 4}
    assert reading.contempt == 10
    assert "no split among the folders" in reading.notes[0]


def test_sizes_and_colours_become_48_pixels_of_grey(tmp_path):
    put(tmp_path, "d/train/happy/large.png", np.full((300, 200, 3), (0, 0, 255), np.uint8))
    put(tmp_path, "d/train/3_Happy/small.bmp", np.full((20, 20), 77, np.uint8))
    put(tmp_path, "d/val/happy/alpha.png", np.full((48, 48, 4), (9, 9, 9, 0), np.uint8))
    put(tmp_path, "d/test/happy/deep/in/there.PNG", np.full((48, 48), 5, np.uint8))
    faces = read_dataset(tmp_path / "d").faces
    assert faces.images.shape == (4, 48, 48)
    assert faces.images.dtype == np.uint8
    assert sorted(faces.images[:, 24, 24].tolist()) == [5, 9, 76, 77]  # red is 76 of grey


def test_files_of_other_kinds_are_passed_over(tree):
    (tree / "train" / "happy" / "Thumbs.db").write_bytes(b"x")
    (tree / "readme.txt").write_text("about")
    assert len(read_dataset(tree).faces) == 168


def test_hidden_files_and_folders_are_passed_over(tree):
    put(tree, "train/.ipynb_checkpoints/1.png")
    put(tree, "train/happy/.trash/1.png")
    (tree / "test" / "sad" / "._1.png").write_bytes(b"what a Mac knows about 1.png")
    reading = read_dataset(tree)
    assert len(reading.faces) == 168
    assert not reading.bad


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bits_of_grey_become_eight(suffix, tmp_path):
    image = np.arange(48 * 48, dtype=np.uint16).reshape(48, 48) * 28
    put(tmp_path, f"d/happy/1.{suffix}", image)
    (grey,) = read_dataset(tmp_path / "d").faces.images
    np.testing.assert_array_equal(grey, image // 257)


def test_greys_of_no_known_range_are_bad(tree):
    put(tree, "train/sad/float.tiff", np.full((48, 48), 0.5, np.float32))
    (bad,) = read_dataset(tree).bad
    assert bad.endswith("float.tiff: its greys are neither of 8 nor of 16 bits")


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_few_truncated_images_are_left_out_and_named(suffix, tree):
    path = put(tree, f"train/fear/cut.{suffix}")
    truncated(path)
    reading = read_dataset(tree)
    (bad,) = reading.bad
    assert bad.startswith(f"{path}: ")
    assert "trunc" in bad
    assert bad in reading.remarks()[-1]


def test_garbage_and_empty_images_are_left_out(tree):
    for name, content in (("a.png", b""), ("b.jpg", b"hello")):
        (tree / "train" / "sad" / name).write_bytes(content)
    with pytest.raises(DataError, match=r"2 of 170 samples are bad, the first: .*a.png: not an"):
        read_dataset(tree)


def test_an_image_of_a_few_pixels_is_bad(tree):
    put(tree, "train/sad/tiny.png", np.zeros((4, 60), np.uint8))
    (bad,) = read_dataset(tree).bad
    assert bad.endswith("tiny.png: it is only 60x4")


def test_an_unknown_label_is_refused(tree):
    put(tree, "train/bored/1.png")
    with pytest.raises(DataError) as caught:
        read_dataset(tree)
    assert str(caught.value) == (
        f"{tree / 'train' / 'bored'}: 'bored' is not a known emotion (0 to 6 or one of "
        "angry, disgust, fear, happy, sad, surprise, neutral, contempt)"
    )


@pytest.mark.parametrize("wrapping", ["fer2013", "archive/images"])
def test_an_archive_s_folders_around_the_tree_are_followed(wrapping, tree, tmp_path):
    outer = tmp_path / "unpacked" / wrapping
    outer.parent.mkdir(parents=True)
    tree.rename(outer)
    put(tmp_path, "unpacked/__MACOSX/fer2013/train/happy/1.png")
    assert per_split(read_dataset(tmp_path / "unpacked").faces)[Split.PRIVATE] == 28


def test_a_mac_s_files_within_the_tree_are_passed_over(tree):
    put(tree, "train/__MACOSX/1.png")
    put(tree, "test/sad/__MACOSX/1.png")
    assert len(read_dataset(tree).faces) == 168


@pytest.fixture
def numbered(tmp_path):
    """A tree whose folders have numbers, as RAF-DB's."""
    for number in range(1, 8):
        for split in ("train", "val", "test"):
            put(tmp_path, f"raf/{split}/{number}/a.png", np.full((48, 48), number, np.uint8))
    return tmp_path / "raf"


RAF_DB = "1=surprise,2=Fear,3=disgust,4=happiness,5=sad,6=anger,7=neutral"


def test_numbered_folders_say_how_they_are_read(tree):
    for number, label in enumerate(LABELS):
        for split in ("train", "test"):
            (tree / split / label).rename(tree / split / f"{number:02}")
    reading = read_dataset(tree)
    assert np.bincount(reading.faces.labels).tolist() == [24] * 7
    assert reading.notes[-1] == (
        "numbers are read as 0 = angry, 1 = disgust, 2 = fear, 3 = happy, 4 = sad, 5 = surprise, "
        "6 = neutral (FER2013's order; --label-map sets another)"
    )


def test_numbered_folders_take_a_map(numbered):
    with pytest.raises(DataError, match=r"7: '7' is not a known emotion \(0 to 6 or"):
        read_dataset(numbered)
    reading = read_dataset(numbered, own_names=label_map(RAF_DB))
    by_number = dict(
        zip(reading.faces.images[:, 0, 0].tolist(), reading.faces.labels.tolist(), strict=True)
    )
    assert [LABELS[by_number[number]] for number in range(1, 8)] == [
        *("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
    ]
    assert "7 = neutral (as --label-map says)" in reading.notes[-1]


def test_a_number_that_a_map_leaves_out_is_not_guessed(numbered):
    with pytest.raises(DataError, match=r"3: '3' is not a known emotion \(1, 2 of --label-map or"):
        read_dataset(numbered, own_names=label_map("1=happy,2=sad"))


def test_a_map_for_other_folders_is_refused(tree):
    with pytest.raises(DataError, match="nothing in it is named 'bored', as in --label-map"):
        read_dataset(tree, own_names=label_map("bored=neutral"))


def test_a_map_adds_names(tree):
    put(tree, "val/Bored/1.png")
    faces = read_dataset(tree, own_names=label_map("bored=neutral")).faces
    assert faces.part(Split.PUBLIC).labels.tolist() == [LABELS.index("neutral")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "'' is not NAME=LABEL"),
        ("1", "'1' is not NAME=LABEL"),
        ("1=surprise,", "'' is not NAME=LABEL"),
        ("=sad", "'=sad' is not NAME=LABEL"),
        ("1=bored", "'bored' is not a known emotion"),
        ("1=3", "'3' is not a known emotion"),
        ("1=sad,01=happy", "'01' has two labels"),
    ],
)
def test_a_map_that_is_none_is_a_usage_error(text, complaint, tree, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["dataset", str(tree), "--label-map", text])
    assert f"argument --label-map: {complaint}" in capsys.readouterr().err


def test_a_dataset_of_numbers_needs_no_map(random_npz, capsys):
    assert cli.main(["dataset", str(random_npz), "--label-map", "0=happy"]) == 1
    assert "--label-map is for folders and .csv" in capsys.readouterr().err


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(DataError, match="it holds no folder named after an emotion"):
        read_dataset(tmp_path)
    (tmp_path / "train" / "happy").mkdir(parents=True)
    with pytest.raises(DataError, match="it holds no sample of the seven expressions"):
        read_dataset(tmp_path)
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match="test: it holds no folder named after an emotion"):
        read_dataset(tmp_path)


HEAD = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def test_votes_go_by_the_name_of_the_file(tree, tmp_path):
    put(tree, "train/happy/fer0000007.png", seed=9)
    votes = tmp_path / "votes.csv"
    votes.write_text(
        f"{HEAD}\nTraining,fer0000007.png,1,9,0,0,0,0,0,0,0,0\nTraining,,0,0,0,0,0,0,0,0,0,10\n"
    )
    faces = read_dataset(tree, votes).faces
    (voted,) = faces.votes[faces.votes[:, 0] >= 0]
    assert voted.tolist() == [1, 9, 0, 0, 0, 0, 0, 0, 0, 0]


def test_votes_for_other_files_are_refused(tree, tmp_path):
    votes = tmp_path / "votes.csv"
    votes.write_text(f"{HEAD}\nTraining,fer0000007.png,1,9,0,0,0,0,0,0,0,0\n")
    with pytest.raises(DataError, match="none of its images has a name in the votes"):
        read_dataset(tree, votes)
