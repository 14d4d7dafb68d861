"""What is trained towards: labels made even, votes where there are enough of them."""

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

import msgspec
import torch

from converter.data.dataset import FaceDataset
from converter.training.recipe import default_recipe
from converter.training.targets import log_prior, loss, targets

pytestmark = pytest.mark.converter

RECIPE = default_recipe()


def faces(labels, votes=None):
    count = len(labels)
    return FaceDataset(
        images=np.zeros((count, 48, 48), np.uint8),
        labels=np.array(labels, np.uint8),
        split=np.zeros(count, np.uint8),
        votes=np.array(votes, np.int8) if votes else np.full((count, 10), -1, np.int8),
    )


def test_votes_become_shares_of_those_for_an_expression():
    (shares,) = targets(faces([0], [[5, 0, 0, 0, 3, 0, 0, 0, 2, 0]])).votes
    assert shares.tolist() == [0.625, 0, 0, 0, 0.375, 0, 0, 0]


@pytest.mark.parametrize(
    "votes",
    [
        [-1] * 10,  # no votes at all
        [2, 2, 0, 0, 0, 0, 0, 0, 6, 0],  # mostly unknown
        [5, 0, 0, 0, 0, 0, 0, 0, 0, 5],  # as likely not a face
    ],
)
def test_votes_that_say_little_say_nothing(votes):
    assert targets(faces([0], [votes])).votes.sum() == 0


def test_the_prior_counts_an_absent_label_as_one_sample():
    prior = log_prior(faces([0, 0, 0, 1])).exp()
    assert prior.tolist() == pytest.approx([x / 9 for x in (3, 1, 1, 1, 1, 1, 1)])


def cost(recipe, prior, logits, wanted):
    return float(loss(logits, wanted, prior, recipe))


def test_an_unsure_network_pays_the_logarithm_of_the_number_of_labels():
    wanted = targets(faces([0, 3]))
    logits = torch.zeros(2, 7), torch.zeros(2, 8)
    assert cost(RECIPE, torch.zeros(7), logits, wanted) == pytest.approx(math.log(7))
    wanted = targets(faces([0, 3], [[8, 2, *[0] * 8]] * 2))
    expected = math.log(7) + RECIPE.votes_weight * math.log(8)
    assert cost(RECIPE, torch.zeros(7), logits, wanted) == pytest.approx(expected)


def test_balance_asks_more_for_rare_labels():
    people = faces([3] * 9 + [1])
    wanted, prior = targets(people), log_prior(people)
    plain = msgspec.structs.replace(RECIPE, balance=0.0)
    logits = torch.zeros(10, 7, requires_grad=True)
    pulls = {}
    for name, recipe in (("even", RECIPE), ("plain", plain)):
        (grad,) = torch.autograd.grad(
            loss((logits, torch.zeros(10, 8)), wanted, prior, recipe), logits
        )
        pulls[name] = grad[-1, 1] / grad[0, 3]  # of the rare one against a frequent one
    assert pulls["even"] > pulls["plain"] > 0


def test_taking_rows_keeps_labels_and_votes_together():
    all_targets = targets(faces([0, 1, 2], [[10 - i, i, *[0] * 8] for i in range(3)]))
    taken = all_targets.take(torch.tensor([2, 0]))
    assert taken.labels.tolist() == [2, 0]
    assert taken.votes[:, 0].tolist() == pytest.approx([0.8, 1.0])
