"""The mean of the weights of several networks, and what has none."""

import copy

import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

import torch
from safetensors.torch import load_file

from converter import cli
from converter.training.checkpoint import checkpoint_bytes, load_checkpoint

pytestmark = pytest.mark.converter


@pytest.fixture
def files(random_net, tmp_path):
    """Two networks that began together."""
    net = copy.deepcopy(random_net)
    paths = [tmp_path / "first.safetensors", tmp_path / "second.safetensors"]
    paths[0].write_bytes(checkpoint_bytes(net))
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
        net.features.norm0.running_mean.add_(1)
    paths[1].write_bytes(checkpoint_bytes(net))
    return paths


def average(*words):
    return cli.main(["average", *map(str, words)])


@pytest.mark.parametrize(("shares", "part"), [([], 0.5), (["--shares", 3, 1], 0.25)])
def test_each_weight_lies_between(shares, part, files, tmp_path, capsys):
    out = tmp_path / "mean.safetensors"
    assert average(*files, *shares, "--out", out) == 0
    assert capsys.readouterr().out == f"{out}: the mean of 2\n"
    first, second, mean = map(load_file, (*files, out))
    assert load_checkpoint(out)
    for name, weight in mean.items():
        expected = first[name].float().lerp(second[name].float(), part)
        torch.testing.assert_close(weight.float(), expected, rtol=2e-3, atol=1e-5)
    moved = mean["features.norm0.running_mean"] - first["features.norm0.running_mean"]
    assert moved.mean() == pytest.approx(part, abs=1e-4)


def test_what_is_averaged_with_itself_stays(files, tmp_path):
    out = tmp_path / "mean.safetensors"
    assert average(files[0], files[0], files[0], "--out", out) == 0
    for name, weight in load_file(files[0]).items():
        torch.testing.assert_close(load_file(out)[name], weight)


def test_nothing_else_is_averaged(files, random_deep_net, tmp_path, capsys):
    out, deep = tmp_path / "mean.safetensors", tmp_path / "deep.safetensors"
    deep.write_bytes(checkpoint_bytes(random_deep_net))
    first, second = files
    for words, code, complaint in (
        ([first], 2, "first.safetensors: one file has no mean; give two or more"),
        ([first, second, "--shares", 1], 2, "--shares: 1 for 2 files; give one for each"),
        ([first, deep], 1, "deep.safetensors: the stem is another than that of"),
        ([first, tmp_path / "gone"], 1, "gone: cannot read the checkpoint"),
    ):
        assert average(*words, "--out", out) == code
        assert complaint in capsys.readouterr().err
    assert average(first, second, "--out", first) == 2
    assert "first.safetensors exists; pass --force" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        average(first, second, "--shares", 1, 0, "--out", out)
    assert "0 is not at least 1" in capsys.readouterr().err
    assert not out.exists()


def test_shares_of_any_size_are_shares(files, tmp_path):
    out = tmp_path / "mean.safetensors"
    assert average(*files, "--shares", "9" * 400, 1, "--out", out) == 0
    for name, weight in load_file(files[0]).items():
        torch.testing.assert_close(load_file(out)[name], weight)
