"""fer2013.csv and FER+'s votes beside it, whole and damaged."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.data.dataset import read_dataset
from converter.data.faces import Split
from converter.data.label_map import label_map
from converter.data.labels import LABELS
from converter.errors import DataError

pytestmark = pytest.mark.converter

FERPLUS = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)


def pixels(value, count=48 * 48):
    return " ".join([str(value)] * count)


def rows(count, emotion=3, usage="Training"):
    return [f"{emotion},{pixels(10 + i % 200)},{usage}" for i in range(count)]


def write(tmp_path, lines, head="emotion,pixels,Usage"):
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def votes_file(tmp_path, lines, head=FERPLUS):
    path = tmp_path / "fer2013new.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def test_rows_become_samples_labels_and_splits(tmp_path):
    path = write(
        tmp_path,
        [f"0,{pixels(7)},Training", f"6,{pixels(8)},PublicTest", f"4,{pixels(9)},PrivateTest"],
    )
    faces = read_dataset(path).faces
    assert faces.images.shape == (3, 48, 48)
    assert faces.images[:, 0, 0].tolist() == [7, 8, 9]
    assert faces.labels.tolist() == [0, 6, 4]
    assert faces.split.tolist() == list(Split)
    assert (faces.votes == -1).all()


def test_names_instead_of_numbers_and_other_names_of_splits(tmp_path):
    path = write(
        tmp_path,
        [f"Happiness,{pixels(7)},train", f"anger,{pixels(8)}, val", f"sad,{pixels(9)},TEST"],
        head=" emotion, pixels , Usage",
    )
    faces = read_dataset(path).faces
    assert faces.labels.tolist() == [3, 0, 4]
    assert faces.split.tolist() == list(Split)


def test_the_rows_of_a_sample_stay_in_order(tmp_path):
    values = np.arange(48 * 48) % 251
    path = write(tmp_path, [f"0,{' '.join(map(str, values))},Training"])
    assert read_dataset(path).faces.images[0].ravel().tolist() == values.tolist()


def test_other_squares_are_resized(tmp_path):
    path = write(tmp_path, [f"0,{pixels(90, 64 * 64)},Training", f"1,{pixels(80, 400)},Training"])
    faces = read_dataset(path).faces
    assert faces.images.shape == (2, 48, 48)
    assert faces.images[:, 20, 20].tolist() == [90, 80]


def test_contempt_is_dropped_and_counted(tmp_path):
    reading = read_dataset(write(tmp_path, [*rows(2), f"contempt,{pixels(1)},Training"]))
    assert len(reading.faces) == 2
    assert reading.contempt == 1
    assert "dropped 1 samples of contempt" in reading.remarks()[0]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (f"7,{pixels(1)},Training", "unknown emotion '7'"),
        (f"glee,{pixels(1)},Training", "unknown emotion 'glee'"),
        (f"3,{pixels(1)},Sometimes", "unknown Usage 'Sometimes'"),
        (f"3,{pixels(1, 2303)},Training", "2303 pixels do not make a square"),
        (f"3,{pixels(256)},Training", "a pixel is not a whole number from 0 to 255"),
        (f"3,{pixels(-1)},Training", "a pixel is not a whole number from 0 to 255"),
        (f"3,{pixels('x')},Training", "a pixel is not a whole number from 0 to 255"),
        ("3,,Training", "it is only 0x0"),
        ("3", "it has too few columns"),
    ],
)
def test_few_bad_rows_are_left_out_and_named(row, complaint, tmp_path):
    path = write(tmp_path, [*rows(150), row])
    reading = read_dataset(path)
    assert len(reading.faces) == 150
    (bad,) = reading.bad
    assert bad.startswith(f"{path}, line 152: ")
    assert complaint in bad


def test_many_bad_rows_are_an_error(tmp_path):
    path = write(tmp_path, [*rows(98), "3,1 2,Training", "8,,Training"])
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    assert str(caught.value) == (
        f"2 of 100 samples are bad, the first: {path}, line 100: "
        "2 pixels do not make a square, expected 2304"
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "it lacks the column 'emotion'"),
        (b"pixels\n1 2 3 4\n", "it lacks the column 'emotion'"),  # Kaggle's test.csv
        (b"emotion,Usage\n3,Training\n", "it lacks the column 'pixels'"),
        (b"emotion,pixels,Usage\n", "it holds no sample of the seven expressions"),
        (b"emotion,pixels,Usage\n\xff\xfe,1,Training\n", "not fer2013.csv"),
        (b"PK\x03\x04\x00\x00\x00", "not fer2013.csv"),
    ],
)
def test_what_is_no_such_file_is_refused(content, complaint, tmp_path):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot read the samples: No such file"):
        read_dataset(tmp_path / "gone.csv")


@pytest.mark.parametrize("head", ["Emotion,Pixels,USAGE", "EMOTION, pixels,usage"])
def test_columns_are_known_in_any_case(head, tmp_path):
    faces = read_dataset(write(tmp_path, [f"5,{pixels(7)},PrivateTest"], head)).faces
    assert (faces.labels.tolist(), faces.split.tolist()) == ([5], [Split.PRIVATE])


def test_a_competition_s_file_without_usage_is_split(tmp_path):
    lines = [f"{label},{pixels(label * 30 + i)}" for label in range(7) for i in range(10)]
    reading = read_dataset(write(tmp_path, lines, head="emotion,pixels"))
    assert np.bincount(reading.faces.split).tolist() == [56, 7, 7]
    assert np.bincount(reading.faces.part(Split.PUBLIC).labels).tolist() == [1] * 7
    assert reading.notes == (
        "no column Usage: a tenth each was drawn for PublicTest and PrivateTest",
    )


def test_numbers_of_another_order_are_read_by_the_map(tmp_path):
    own = {"1": "surprise", "02": "fear"}
    path = write(tmp_path, [f"1,{pixels(7)},Training", f"02,{pixels(8)},Training"])
    reading = read_dataset(path, own_names=label_map("1=surprise,02=fear"))
    assert [LABELS[label] for label in reading.faces.labels] == list(own.values())
    assert reading.notes == ("numbers are read as 1 = surprise, 2 = fear (as --label-map says)",)


def test_votes_go_by_row_past_bad_ones(tmp_path):
    path = write(tmp_path, [*rows(150), "3,,Training", *rows(1, emotion=0)])
    lines = [f"Training,fer{i:07}.png,{i % 10},0,0,0,0,0,0,0,0,0" for i in range(152)]
    faces = read_dataset(path, votes_file(tmp_path, lines)).faces
    assert faces.votes[:, 0].tolist() == [*(i % 10 for i in range(150)), 1]  # row 151 is last


def test_votes_for_other_rows_are_refused(tmp_path):
    path = write(tmp_path, rows(3))
    with pytest.raises(DataError, match="has 3 rows, but its votes have 2; rows must match"):
        read_dataset(path, votes_file(tmp_path, ["Training,a.png,1,2,3,4,0,0,0,0,0,0"] * 2))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("Training,a.png,1,2,3,4,x,0,0,0,0,0", "line 2: a vote is not a whole number"),
        ("Training,a.png,1,2,3", "line 2: a vote is not a whole number"),
        ("Training,a.png,1,2,3,400,0,0,0,0,0,0", "line 2: a vote is not from 0 to 100"),
    ],
)
def test_damaged_votes_are_refused(line, complaint, tmp_path):
    path = write(tmp_path, rows(1))
    with pytest.raises(DataError, match=complaint):
        read_dataset(path, votes_file(tmp_path, [line]))


def test_a_file_without_votes_is_refused(tmp_path):
    path = write(tmp_path, rows(1))
    with pytest.raises(DataError, match="not FER\\+'s votes: no column 'Image name'"):
        read_dataset(path, path)


def test_an_npz_has_votes_of_its_own(random_npz, tmp_path):
    with pytest.raises(DataError, match=r"an \.npz has its own votes"):
        read_dataset(random_npz, votes_file(tmp_path, []))
