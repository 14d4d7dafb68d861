"""The training loop: its schedule, its average, its randomness, and what stops it."""

from itertools import pairwise

import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

import msgspec
import torch

from converter.data.dataset import Split
from converter.errors import ConversionError, DataError
from converter.training.augment import samples_of
from converter.training.distillation import Teachers, distillation_loss
from converter.training.model import DenseNet121
from converter.training.recipe import Augmentation, Stage, default_recipe
from converter.training.targets import loss
from converter.training.trainer import Trainer

pytestmark = pytest.mark.converter

CPU = torch.device("cpu")


def stage(epochs=1, rate=1e-3, final=1e-3):
    return Stage(epochs=epochs, side_px=16, learning_rate=rate, final_learning_rate=final)


def recipe(*stages, **changes):
    few = {"batch": 6, "warmup_steps": 0, "precision": "float32", "stages": list(stages)}
    return msgspec.structs.replace(default_recipe(), **{**few, **changes})


@pytest.fixture
def faces(random_faces):
    """42 training samples."""
    return random_faces.part(Split.TRAINING)


def trainer(faces, *stages, **changes):
    torch.manual_seed(0)
    return Trainer(DenseNet121(), faces, recipe(*stages, **changes), CPU)


def rates(training):
    seen = []
    while training.progress.epoch < training.recipe.epochs:
        seen.append(training.learning_rate())
        training.progress.step += 1
        training.progress.step_of_epoch += 1
        if training.progress.step_of_epoch == training.steps_per_epoch:
            training.finish_epoch()
    return seen


def test_the_rate_falls_in_a_straight_line_over_a_stage(faces):
    seen = rates(trainer(faces, stage(), stage(epochs=2, rate=7e-4, final=0.0)))
    assert seen[:7] == [1e-3] * 7  # 42 samples, 6 a step
    falls = [before - after for before, after in pairwise(seen[7:])]
    assert seen[7] == 7e-4
    assert falls == pytest.approx([7e-4 / 14] * 13)


def test_the_rate_rises_from_zero_at_first(faces):
    seen = rates(trainer(faces, stage(epochs=2), warmup_steps=10))
    assert seen == pytest.approx([1e-4 * step for step in range(1, 11)] + [1e-3] * 4)


def test_every_sample_is_seen_once_an_epoch_in_an_order_of_its_own(faces):
    training = trainer(faces, stage(epochs=2))
    first = training._order()
    training.finish_epoch()
    second = training._order()
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(42))
    assert first.tolist() != second.tolist()


def test_the_same_seed_takes_the_same_steps_and_another_does_not(faces):
    ends = []
    for seed in (0, 0, 1):
        training = trainer(faces, stage(), seed=seed)
        for _ in zip(training.epoch(), range(2), strict=False):
            pass
        ends.append(training.average.classifier.weight)
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def test_the_average_follows_the_weights(faces):
    training = trainer(faces, stage(), ema_decay=0.0)
    next(training.epoch())
    net, average = training.state()["net"], training.state()["average"]
    assert all(torch.equal(net[name], average[name]) for name in net)
    training = trainer(faces, stage(), ema_decay=0.999)
    begun = training.average.classifier.weight.clone()
    next(training.epoch())
    net, average = training.state()["net"], training.average.classifier.weight
    assert torch.allclose(average, begun.lerp(net["classifier.weight"], 1 - 2 / 11))


def test_a_tally_covers_the_epoch(faces):
    training = trainer(faces, stage(epochs=2))
    for _ in training.epoch():
        pass
    tally = training.finish_epoch()
    assert tally.samples == 42
    assert 0 <= tally.correct <= 42
    assert 1 < tally.loss / 42 < 4
    assert training.progress.tally.samples == 0


def test_it_learns(faces):
    # Two labels, each all one sample's: a network that learns tells them apart at once.
    chosen = faces.take(faces.labels < 2)
    chosen.images[chosen.labels == 0] //= 4
    training = trainer(chosen, stage(epochs=6), warmup_steps=4)
    losses = []
    while training.progress.epoch < 6:
        for _ in training.epoch():
            pass
        tally = training.finish_epoch()
        losses.append(tally.loss / tally.samples)
    assert losses[-1] < 0.8 * losses[0]


def test_a_blend_is_told_the_labels_of_both_in_the_shares_that_they_have(faces, monkeypatch):
    asked = []

    def spied(logits, wanted, prior, recipe):
        cost = loss(logits, wanted, prior, recipe)
        asked.append((wanted.labels, float(cost.detach())))
        return cost

    monkeypatch.setattr("converter.training.trainer.loss", spied)
    training = trainer(faces, stage(), mixup=0.4)
    next(training.epoch())
    (own, of_own), (others, of_others) = asked
    assert not torch.equal(own, others)
    assert torch.equal(own.sort()[0], others.sort()[0])
    blended = training.progress.tally.loss / 6
    share = (blended - of_others) / (of_own - of_others)
    assert 0.5 <= share < 1


def test_a_patched_sample_is_told_both_labels_too(faces, monkeypatch):
    asked = []

    def spied(logits, wanted, prior, recipe):
        asked.append(wanted.labels)
        return loss(logits, wanted, prior, recipe)

    monkeypatch.setattr("converter.training.trainer.loss", spied)
    next(trainer(faces, stage(), mixup=0.0, cutmix=1.0).epoch())
    own, others = asked
    assert torch.equal(own.sort()[0], others.sort()[0])


def test_a_teacher_s_share_decides_what_is_learned(faces, random_net):
    weights = []
    for share in (0.0, 0.5):
        torch.manual_seed(0)
        changed = recipe(stage(), distillation=share)
        teachers = Teachers([random_net], CPU)
        training = Trainer(DenseNet121(), faces, changed, CPU, teachers=teachers)
        next(training.epoch())
        weights.append(training.average.classifier.weight)
    alone = trainer(faces, stage())
    next(alone.epoch())
    assert torch.equal(weights[0], alone.average.classifier.weight)
    assert not torch.equal(weights[0], weights[1])


def test_teachers_see_the_samples_before_they_are_spoiled(faces):
    seen = []

    class Teacher(DenseNet121):
        def forward(self, samples):
            seen.append(samples)
            return super().forward(samples)

    still = dict.fromkeys(Augmentation.__struct_fields__, 0.0)
    amounts = Augmentation(**still | {"erase": 1.0, "noise": 50.0})
    changed = recipe(stage(), mixup=0.4, augmentation=amounts)
    teachers = Teachers([Teacher()], CPU)
    next(Trainer(DenseNet121(), faces, changed, CPU, teachers=teachers).epoch())
    images = samples_of(torch.from_numpy(faces.images)[:, None], seen[0].shape[-1])
    images = torch.cat([images, images.flip(-1)])
    for sample in seen[0]:
        assert (images - sample).abs().amax((1, 2, 3)).min() < 1e-3


def test_of_a_blend_the_teachers_answer_both_halves(faces, random_net, monkeypatch):
    told = []

    def spied(logits, wanted):
        told.append(wanted[0])
        return distillation_loss(logits, wanted)

    monkeypatch.setattr("converter.training.trainer.distillation_loss", spied)
    changed = recipe(stage(), mixup=0.4)
    teachers = Teachers([random_net], CPU)
    next(Trainer(DenseNet121(), faces, changed, CPU, teachers=teachers).epoch())
    own, others = told
    assert not torch.equal(own, others)
    assert torch.equal(own.sort(0)[0], others.sort(0)[0])


def test_a_loss_that_is_no_number_stops_it(faces):
    training = trainer(faces, stage(rate=1e6, final=1e6))
    with pytest.raises(ConversionError, match="epoch 1; a lower learning_rate"):
        step_until_it_stops(training)


def step_until_it_stops(training):
    for _ in range(50):
        training.progress.step_of_epoch = 0
        next(training.epoch())


def test_too_few_samples_are_refused(faces):
    with pytest.raises(DataError, match="42 training samples do not fill a batch of 64"):
        trainer(faces, stage(), batch=64)
