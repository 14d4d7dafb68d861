"""`emotion-converter dataset`, as its user sees it."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter import cli
from converter.data.contact_sheet import NAME_PX, PER_LABEL
from converter.data.dataset import load_dataset
from converter.data.faces import FaceDataset, SampleStatus, Split
from converter.data.stats import stats_of

pytestmark = pytest.mark.converter


def test_it_counts_splits_and_labels(random_npz, capsys):
    assert cli.main(["dataset", str(random_npz)]) == 0
    head, training, public, private, _, used, near = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "angry"
    assert training.split() == ["Training", *["6"] * 7, "42"]
    assert public.split() == ["PublicTest", *["2"] * 7, "14"]
    assert private.split()[0] == "PrivateTest"
    assert used == (
        "Training uses 42 samples and leaves out 0 that are in a held-out split too, 0 repeated "
        "and 0 blank ones"
    )
    assert near == (
        "0 of the used ones are near copies of held-out samples, which training leaves out, too"
    )


def test_it_counts_what_training_leaves_out_and_what_votes_say(random_faces):
    images, votes = random_faces.images.copy(), random_faces.votes.copy()
    images[0] = images[6]  # PublicTest has it too
    images[1] = 128  # blank
    images[2] = images[3]  # of the same label
    votes[:3] = 0
    votes[0, 4], votes[1, 0], votes[2, :2] = 9, 9, 5  # anger, which it is; neutral; undecided
    stats = stats_of(
        FaceDataset(
            images=images, labels=random_faces.labels, split=random_faces.split, votes=votes
        )
    )
    assert stats.statuses == {
        SampleStatus.USED: 39,
        SampleStatus.HELD_OUT: 1,
        SampleStatus.REPEATED: 1,
        SampleStatus.BLANK: 1,
    }
    assert (stats.voted, stats.agreeing) == (2, 1)


def test_it_names_bad_rows_and_what_it_decided(tmp_path, capsys):
    root = tmp_path / "ck"
    for label in ("happy", "contempt"):
        for i in range(60):
            path = root / label / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.random.default_rng(i).integers(0, 256, (48, 48), np.uint8))
    (root / "happy" / "cut.png").write_bytes(b"\x89PNG")
    assert cli.main(["dataset", str(root)]) == 0
    said = capsys.readouterr().out
    assert "60 samples of contempt were dropped" in said
    assert "no split among the folders" in said
    assert f"1 bad samples were left out:\n  {root / 'happy' / 'cut.png'}: " in said


def test_the_contact_sheet_shows_each_label(random_npz, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    words = ["dataset", str(random_npz), "--contact-sheet", str(sheet)]
    assert cli.main(words) == 0
    drawn = cv2.imread(str(sheet))
    assert drawn.shape == (7 * 52 + 4, NAME_PX + PER_LABEL * 52, 3)
    samples = drawn[4:52, NAME_PX : NAME_PX + 10 * 52]  # ten of each are there
    assert samples.std() > 40
    assert (drawn[:, NAME_PX + 10 * 52 :] == 255).all()
    assert cli.main(words) == 2
    assert "exists; pass --force to replace it" in capsys.readouterr().err


def test_a_missing_dataset_fails_in_one_line(tmp_path, capsys):
    assert cli.main(["dataset", str(tmp_path / "gone")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_other_commands_say_what_became_of_the_samples(tmp_path, capsys):
    path = tmp_path / "one" / "happy" / "1.png"
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), np.full((48, 48), 9, np.uint8))
    load_dataset(tmp_path / "one")
    assert capsys.readouterr().err.startswith(f"{tmp_path / 'one'}: no split among the folders")


def test_fer2013_is_as_it_is_known(fer2013):
    stats = stats_of(load_dataset(fer2013))
    assert {split: sum(counts) for split, counts in stats.counts.items()} == {
        Split.TRAINING: 28685,
        Split.PUBLIC: 3585,
        Split.PRIVATE: 3586,
    }
    assert stats.statuses[SampleStatus.USED] == 26_967
    assert sum(stats.statuses.values()) == 28_685
    assert 0.6 < stats.agreeing / stats.voted < 0.7


def test_it_counts_copies_across_splits(random_npz, capsys):
    arrays = dict(np.load(random_npz))
    images = arrays["images"]
    images[:] = [smooth(image) for image in images]
    images[0] = images[8]  # PrivateTest's, of the same label
    images[11] = images[9]  # PrivateTest's, of another label
    images[1] = cv2.warpAffine(images[6], np.float64([[1, 0, 2], [0, 1, -3]]), (48, 48))
    images[6 + 10] = images[8 + 10]
    np.savez(random_npz, **arrays)
    assert cli.main(["dataset", str(random_npz)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[6].startswith("1 of the used ones are near copies")
    assert said[7] == (
        "PublicTest: 0 of 14 samples have an exact copy in Training, with the same label in 0.0%, "
        "1 others a near one; 1 are in the other held-out split, exactly or nearly"
    )
    assert said[8].startswith(
        "PrivateTest: 2 of 14 samples have an exact copy in Training, with the same label in 50.0%"
    )


def smooth(image):
    return cv2.resize(image[:5, :5], (48, 48), interpolation=cv2.INTER_CUBIC)
