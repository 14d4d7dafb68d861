"""Learning from trained networks: what the loss is, and which networks teach."""

import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

import torch
from torch.nn import functional

from converter.errors import CheckpointError
from converter.training.checkpoint import checkpoint_bytes
from converter.training.distillation import (
    TEMPERATURE,
    Teachers,
    check_same,
    distillation_loss,
    load_teachers,
)

pytestmark = pytest.mark.converter

CPU = torch.device("cpu")


@pytest.fixture
def samples():
    return torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_network_that_answers_as_its_teacher_loses_nothing(random_net, samples):
    wanted = Teachers([random_net], CPU)(samples)
    with torch.no_grad():
        answers = random_net(samples)
    assert float(distillation_loss(answers, wanted)) == pytest.approx(0, abs=1e-5)
    assert float(distillation_loss((answers[0].flip(1), answers[1]), wanted)) > 1e-3


def test_the_loss_is_the_divergence_of_both_heads(random_net, samples):
    wanted = Teachers([random_net], CPU)(samples)
    logits = torch.randn(4, 7), torch.randn(4, 8)
    expected = 0.0
    for mine, theirs in zip(logits, wanted, strict=True):
        shares = theirs.exp()
        cross = -(shares * functional.log_softmax(mine / TEMPERATURE, 1)).sum(1).mean()
        entropy = -(shares * theirs).sum(1).mean()
        expected += float(cross - entropy) * TEMPERATURE**2
    assert float(distillation_loss(logits, wanted)) == pytest.approx(expected, rel=1e-4)


def test_several_teachers_are_averaged(random_net, random_deep_net, samples):
    alone = [Teachers([net], CPU)(samples)[0].exp() for net in (random_net, random_deep_net)]
    together, _ = Teachers([random_net, random_deep_net], CPU)(samples)
    torch.testing.assert_close(together.exp(), (alone[0] + alone[1]) / 2)
    assert not together.requires_grad


def test_teachers_are_files_that_stay_the_same(random_net, random_deep_net, tmp_path):
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path, net in zip(paths, (random_net, random_deep_net), strict=True):
        path.write_bytes(checkpoint_bytes(net))
    teachers, digests = load_teachers(paths, CPU)
    assert len(teachers) == 2
    check_same(paths, digests, digests[::-1])
    with pytest.raises(CheckpointError, match=r"b\.safetensors: not the teachers that this run"):
        check_same(paths, digests, [digests[0], digests[0]])
    with pytest.raises(CheckpointError, match=r"gone\.safetensors: cannot read the checkpoint"):
        load_teachers([tmp_path / "gone.safetensors"], CPU)
