"""The label that FER+'s voters agree on."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

from converter.data.ferplus import majority_labels

pytestmark = pytest.mark.converter


def test_votes_name_a_label_only_where_they_are_clear():
    votes = np.array(
        [
            [8, 0, 0, 0, 0, 0, 0, 0, 2, 0],  # neutral
            [0, 0, 0, 0, 10, 0, 0, 0, 0, 0],  # anger
            [0, 0, 0, 0, 0, 0, 6, 0, 4, 0],  # fear
            [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],  # a tie
            [4, 2, 2, 2, 0, 0, 0, 0, 0, 0],  # too few
            [0, 0, 0, 0, 1, 0, 0, 9, 0, 0],  # contempt
            [5, 0, 0, 0, 0, 0, 0, 0, 0, 5],  # as likely no face
            [-1] * 10,
        ],
        np.int8,
    )
    assert majority_labels(votes).tolist() == [6, 0, 2, -1, -1, -1, -1, -1]
