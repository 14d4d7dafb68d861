"""Checkpoints: what fits is loaded, everything else is refused in one line."""

import pytest

torch = pytest.importorskip("torch", reason="the converter extra is not installed")

from safetensors.torch import load_file, save_file  # noqa: E402 (after the skip)

from converter.errors import CheckpointError  # noqa: E402
from converter.training.checkpoint import checkpoint_bytes, load_checkpoint  # noqa: E402
from converter.training.model import with_stem  # noqa: E402

pytestmark = pytest.mark.converter


def test_a_saved_network_answers_the_same_when_loaded(random_net, random_checkpoint):
    samples = torch.rand(2, 1, 48, 48) * 2 - 1
    with torch.inference_mode():
        for mine, theirs in zip(
            load_checkpoint(random_checkpoint)(samples), random_net(samples), strict=True
        ):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5)


def test_float16_convolutions_are_widened(checkpoint):
    net = load_checkpoint(checkpoint)
    assert {weight.dtype for weight in net.parameters()} == {torch.float32}
    assert not net.training
    # torchvision's 7,978,856 with a stem of 3x3x1 for 7x7x3 and heads of 7 and 8 for 1000.
    stem, heads = 64 * (3 * 3 * 1 - 7 * 7 * 3), 1025 * (7 + 8 - 1000)
    assert sum(weight.numel() for weight in net.parameters()) == 7_978_856 + stem + heads


def test_the_deep_stem_is_known_by_its_weights(random_deep_net, tmp_path):
    path = tmp_path / "deep.safetensors"
    path.write_bytes(checkpoint_bytes(random_deep_net))
    loaded = load_checkpoint(path)
    assert loaded.features.stem == "deep"
    assert loaded.features.conv00.weight.shape == (32, 1, 3, 3)
    assert loaded.features.conv0.weight.shape == (64, 32, 3, 3)
    samples = torch.rand(2, 1, 48, 48) * 2 - 1
    with torch.inference_mode():
        torch.testing.assert_close(loaded(samples), random_deep_net(samples), rtol=0.02, atol=0.02)


def test_half_a_deep_stem_is_refused(random_deep_net, tmp_path):
    path = tmp_path / "deep.safetensors"
    path.write_bytes(checkpoint_bytes(random_deep_net))
    weights = load_file(path)
    del weights["features.norm00.weight"]
    save_file(weights, path)
    with pytest.raises(CheckpointError, match=r"lacks 'features\.norm00\.weight'"):
        load_checkpoint(path)


@pytest.mark.parametrize(("begun", "other"), [("plain", "deep"), ("deep", "plain")])
def test_another_stem_keeps_all_weights_behind_it(begun, other, random_net, random_deep_net):
    net = {"plain": random_net, "deep": random_deep_net}[begun]
    assert with_stem(net, begun) is net
    changed = with_stem(net, other)
    assert changed.features.stem == other
    before = net.state_dict()
    kept = {
        name
        for name, weight in changed.state_dict().items()
        if name in before and torch.equal(weight, before[name])
    }
    stem = ("features.conv0.", "features.conv00.", "features.norm00.")
    assert {name for name in changed.state_dict() if not name.startswith(stem)} <= kept


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere\.safetensors: cannot read the checkpoint"):
        load_checkpoint(tmp_path / "nowhere.safetensors")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="cannot read"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("size_bytes", [0, 7, 5000, 1_000_000])
def test_a_truncated_file_is_refused(random_checkpoint, size_bytes):
    random_checkpoint.write_bytes(random_checkpoint.read_bytes()[:size_bytes])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_checkpoint(random_checkpoint)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("classifier.bias"), r"lacks 'classifier\.bias'"),
        (lambda w: w.update({"extra": torch.zeros(1)}), "unknown weight 'extra'"),
        (
            lambda w: w.update({"features.conv0.weight": torch.zeros(64, 3, 7, 7)}),
            r"'features\.conv0\.weight' is \(64, 3, 7, 7\), expected \(64, 1, 3, 3\)",
        ),
        (lambda w: w["classifier.bias"].fill_(torch.nan), "not finite"),
    ],
)
def test_another_architecture_is_refused(random_checkpoint, change, message):
    weights = load_file(random_checkpoint)
    change(weights)
    save_file(weights, random_checkpoint)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(random_checkpoint)
