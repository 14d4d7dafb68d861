"""Training as its user sees it: what a run leaves, and what cannot be begun."""

import json
import subprocess

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

import torch
from runs import FEW, FILES, RECIPE, command, log, state_of, weights
from safetensors.torch import load_file

from converter import cli
from converter.training.checkpoint import load_checkpoint
from converter.training.recipe import load_recipe

pytestmark = [pytest.mark.converter, pytest.mark.timeout(600)]


def test_a_run_leaves_weights_log_curves_and_recipe(random_npz, recipe, tmp_path, capsys):
    out = tmp_path / "run"
    words = ["--data", random_npz, "--recipe", recipe, "--out", out, "--limit", FEW]
    assert cli.main(["train", *map(str, words), "--threads", "1"]) == 0
    assert {path.name for path in out.iterdir()} == FILES
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert lines[-1]["learning_rate"] == 0.0
    best = max(lines, key=lambda line: line["validation_accuracy"])
    assert load_checkpoint(out / "densenet121_fer48.safetensors")
    assert load_recipe(out / "recipe.toml") == load_recipe(recipe)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{FEW} training samples; 0 blank, repeated or held-out ones were dropped"
    assert said[-1].endswith(
        f"epoch {best['epoch']}, {best['validation_accuracy']:.2%} of 14 PublicTest samples"
    )


def test_one_short_epoch_from_a_checkpoint(random_npz, random_checkpoint, tmp_path):
    out = tmp_path / "run"
    own = tmp_path / "own.toml"
    own.write_text("batch = 16")
    words = ["--data", random_npz, "--out", out, "--init", random_checkpoint, "--recipe", own]
    subprocess.run(command(*words, "--epochs", "1", "--limit", "32"), check=True)
    (line,) = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert line["side_px"] == 48  # the last stage's
    begun, ended = load_file(random_checkpoint), weights(out)
    moved = [name for name in begun if not torch.equal(begun[name].half(), ended[name].half())]
    assert len(moved) > len(begun) / 2
    assert all(torch.isfinite(tensor).all() for tensor in ended.values())


def test_near_copies_are_dropped_unless_they_are_asked_for(random_npz, recipe, tmp_path, capsys):
    arrays = dict(np.load(random_npz))
    images = arrays["images"]
    images[0] = images[6] // 2 + 60  # PublicTest's, in another light
    np.savez(random_npz, **arrays)
    words = ["train", "--data", str(random_npz), "--recipe", str(recipe), "--epochs", "1"]
    for options, used, near in (([], 41, 1), (["--keep-near-copies"], 42, 0)):
        out = tmp_path / f"run{near}"
        assert cli.main([*words, *options, "--threads", "1", "--out", str(out)]) == 0
        said = capsys.readouterr().out.splitlines()
        assert said[0].split()[0] == str(used)
        assert said[1] == f"{near} near copies of held-out ones were dropped"
        assert state_of(out)["near_copies"] is bool(options)
        assert cli.main(["train", "--data", str(random_npz), "--out", str(out), "--resume"]) == 0
        capsys.readouterr()


def test_a_deep_stem_begins_from_a_plain_one(random_npz, random_checkpoint, tmp_path, capsys):
    out, own = tmp_path / "run", tmp_path / "own.toml"
    own.write_text(RECIPE.replace("batch = 4", 'batch = 4\nstem = "deep"'))
    words = ["train", "--data", str(random_npz), "--out", str(out), "--threads", "1"]
    begun = ["--init", str(random_checkpoint), "--recipe", str(own), "--epochs", "1"]
    assert cli.main([*words, *begun, "--limit", "8"]) == 0
    assert load_checkpoint(out / "densenet121_fer48.safetensors").features.stem == "deep"
    assert cli.main([*words, "--resume"]) == 0
    capsys.readouterr()
    recipe = out / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('"deep"', '"plain"'))
    assert cli.main([*words, "--resume"]) == 2
    assert f"{recipe}: the stem of this run is deep, not plain" in capsys.readouterr().err


@pytest.mark.by_hand
def test_a_compiled_step_is_another_s_but_for_rounding(random_npz, tmp_path):
    # One step: rounding grows from step to step, as from a change in the samples' sixth digit.
    own = tmp_path / "own.toml"
    own.write_text("dropout = 0.0" + RECIPE)  # compiled, it draws other random numbers
    words = ["--data", random_npz, "--recipe", own, "--limit", "4", "--epochs", "1"]
    for name, options in (("plain", []), ("compiled", ["--compile"])):
        subprocess.run(command(*words, "--out", tmp_path / name, *options), check=True)
    (plain,), (compiled,) = log(tmp_path / "plain"), log(tmp_path / "compiled")
    assert compiled["loss"] == pytest.approx(plain["loss"], rel=1e-4)
    assert compiled["validation_loss"] == pytest.approx(plain["validation_loss"], rel=1e-3)


@pytest.mark.by_hand
def test_where_nothing_can_be_compiled_it_says_so(random_npz, recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    words = ["--data", random_npz, "--recipe", recipe, "--out", tmp_path / "run", "--compile"]
    ended = subprocess.run(command(*words), check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    said = ended.stderr.splitlines()[-1]
    assert "--compile: torch cannot compile on this machine: " in said
    assert "No working C++ compiler found" in said


def test_a_run_of_minutes_ends_and_is_not_resumed_after_them(random_npz, recipe, tmp_path, capsys):
    out = tmp_path / "run"
    words = ["train", "--data", str(random_npz), "--out", str(out), "--threads", "1"]
    assert cli.main([*words, "--recipe", str(recipe), "--limit", "8", "--minutes", "0.03"]) == 0
    assert "epoch 1: loss " in capsys.readouterr().out
    kept = log(out)
    assert kept
    assert state_of(out)["spent_s"] >= 0.03 * 60
    assert cli.main([*words, "--resume"]) == 0
    assert log(out) == kept


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "1e9", "soon"])
def test_impossible_minutes_are_a_usage_error(minutes, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", "--data", "d", "--out", "o", f"--minutes={minutes}"])
    assert "argument --minutes: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--resume"], "holds no run to resume"),
        (["--recipe", "gone.toml"], "gone.toml: cannot read the recipe"),
        (["--init", "gone.safetensors"], "gone.safetensors: cannot read the checkpoint"),
        (["--limit", "3"], "3 training samples do not fill a batch of 64"),
        (["--device", "cuda"], "torch finds no CUDA device"),
    ],
)
def test_an_impossible_run_leaves_nothing(words, complaint, random_npz, tmp_path, capsys):
    if "cuda" in words and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    out = tmp_path / "run"
    assert cli.main(["train", "--data", str(random_npz), "--out", str(out), *words]) != 0
    complaints = capsys.readouterr().err
    assert complaint in complaints
    assert complaints.count("\n") == 1
    assert not out.exists()


def test_without_samples_to_select_by_nothing_begins(random_npz, tmp_path, capsys):
    arrays = dict(np.load(random_npz))
    arrays["split"][arrays["split"] == 1] = 0
    np.savez(random_npz, **arrays)
    out = tmp_path / "run"
    assert cli.main(["train", "--data", str(random_npz), "--out", str(out)]) == 1
    assert "no sample in PublicTest" in capsys.readouterr().err
    assert not out.exists()
