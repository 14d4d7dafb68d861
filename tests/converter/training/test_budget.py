"""A time to train for: what is spent, and what a run with it does."""

import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

import msgspec
import torch

from converter.data.dataset import Split
from converter.training.budget import Budget
from converter.training.model import DenseNet121
from converter.training.recipe import Stage, default_recipe
from converter.training.trainer import Trainer

pytestmark = pytest.mark.converter


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_shares_of_the_time_pass_and_earlier_processes_count(clock):
    budget = Budget(10, spent_s=60, clock=clock)
    assert budget.share == pytest.approx(0.1)
    clock.now_s += 240
    assert (budget.spent_s, budget.share, budget.is_spent) == (300, 0.5, False)
    budget.reserve_s = 300
    assert budget.is_spent
    budget.reserve_s = 6000
    assert budget.share == 1


def test_a_finished_budget_stays_spent(clock):
    budget = Budget(10, clock=clock)
    budget.finish()
    assert (budget.spent_s, budget.is_spent) == (600, True)
    assert Budget(10, spent_s=budget.spent_s, clock=clock).is_spent


def test_a_clock_that_runs_backwards_spends_nothing(clock):
    budget = Budget(10, clock=clock)
    clock.now_s -= 500
    assert (budget.spent_s, budget.share) == (0, 0)


def test_a_run_follows_its_clock(random_faces, clock):
    stages = [
        Stage(epochs=1, side_px=16, learning_rate=1e-3, final_learning_rate=1e-3),
        Stage(epochs=3, side_px=24, learning_rate=1e-3, final_learning_rate=0.0),
    ]
    few = {"batch": 6, "warmup_steps": 0, "precision": "float32", "stages": stages}
    recipe = msgspec.structs.replace(default_recipe(), **few)
    faces = random_faces.part(Split.TRAINING)
    budget = Budget(1, clock=clock)
    training = Trainer(DenseNet121(), faces, recipe, torch.device("cpu"), budget=budget)
    seen = []
    while not training.is_done:
        for _ in training.epoch():
            seen.append((training.stage.side_px, training.learning_rate()))
            clock.now_s += 6
        training.finish_epoch()
    assert len(seen) == 10  # in two epochs, the second of which the time ends
    assert training.progress.epoch == 2
    budget = Budget(1, spent_s=100, clock=clock)
    assert budget.is_spent
    late = Trainer(DenseNet121(), faces, recipe, torch.device("cpu"), budget=budget)
    assert not late.is_done  # weights that are kept take an epoch, even one of a single step
    assert [side for side, _ in seen] == [16] * 3 + [24] * 7
    assert [rate for _, rate in seen[3:]] == pytest.approx(
        [1e-3 * (1 - (step / 10 - 0.25) / 0.75) for step in range(3, 10)]
    )
