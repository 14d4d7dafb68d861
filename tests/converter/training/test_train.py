"""Training as its user sees it: a run that can be killed at any moment, and what it leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("torch", reason="the converter extra is not installed")

import torch
from safetensors.torch import load_file

from converter import cli
from converter.training.checkpoint import load_checkpoint
from converter.training.recipe import load_recipe
from converter.training.run_folder import RunFolder

pytestmark = [pytest.mark.converter, pytest.mark.timeout(600)]

FEW = 24
"""Samples: six steps an epoch."""

RECIPE = """
batch = 4
warmup_steps = 3
precision = "float32"
checkpoint_steps = 1

[[stages]]
epochs = 2
side_px = 16
learning_rate = 1e-3
final_learning_rate = 0.0
"""

FILES = {"recipe.toml", "densenet121_fer48.safetensors", "log.jsonl", "curves.png", "state.pt"}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(RECIPE)
    return path


def command(*words):
    return [sys.executable, "-m", "converter", "train", *map(str, words), "--threads", "1"]


def weights(folder):
    return load_file(folder / "densenet121_fer48.safetensors")


def state_of(folder):
    return torch.load(folder / "state.pt", weights_only=True)


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


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


def test_a_resumed_run_has_the_teachers_that_it_began_with(
    random_npz, random_checkpoint, recipe, tmp_path, capsys
):
    words = ["train", "--data", str(random_npz), "--out", str(tmp_path / "run")]
    begun = ["--recipe", str(recipe), "--epochs", "1", "--limit", "8", "--threads", "1"]
    assert cli.main([*words, *begun, "--teacher", str(random_checkpoint)]) == 0
    assert cli.main([*words, "--resume"]) == 0
    moved = random_checkpoint.rename(tmp_path / "moved.safetensors")
    capsys.readouterr()
    assert cli.main([*words, "--resume"]) == 1
    assert f"{random_checkpoint}: cannot read the checkpoint" in capsys.readouterr().err
    assert cli.main([*words, "--resume", "--teacher", str(moved)]) == 0
    own = str(tmp_path / "run" / "densenet121_fer48.safetensors")
    assert cli.main([*words, "--resume", "--teacher", own]) == 1
    assert f"{own}: not the teachers that this run was begun with" in capsys.readouterr().err


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


def test_a_run_killed_in_the_middle_of_a_write_ends_with_the_same_weights(
    random_npz, recipe, tmp_path
):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    words = ["--data", random_npz, "--recipe", recipe, "--limit", FEW, "--out"]
    subprocess.run(command(*words, whole), check=True)
    killed_while_writing(command(*words, cut), cut)
    begun = state_of(cut)["trainer"]["progress"]
    killed_while_writing(command("--data", random_npz, "--out", cut, "--resume"), cut)
    assert state_of(cut)["trainer"]["progress"]["step"] >= begun["step"]
    subprocess.run(command("--data", random_npz, "--out", cut, "--resume"), check=True)
    assert_same(weights(cut), weights(whole))
    for name in ("net", "average"):
        assert_same(state_of(cut)["trainer"][name], state_of(whole)["trainer"][name])
    for left, right in zip(*(map(without_time, log(run)) for run in (whole, cut)), strict=True):
        assert left == right
    assert {path.name for path in cut.iterdir()} == FILES  # no half-written file is left


def killed_while_writing(words, folder, writes=3):
    """Start a run and kill it when this many states are whole and the next is half written."""
    whole, seen = folder / "state.pt", set()
    process = subprocess.Popen(words)
    try:
        while process.poll() is None:
            if whole.exists():
                seen.add(whole.stat().st_mtime_ns)
            halves = list(folder.glob(".state.pt.*.tmp"))
            if halves and len(seen) >= writes and size(halves[0]) > 0:
                os.kill(process.pid, signal.SIGKILL)
                break
            time.sleep(0.0005)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert list(folder.glob(".state.pt.*.tmp")), "the kill came between two writes"


def size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def without_time(line):
    return {key: value for key, value in line.items() if key != "seconds"}


@pytest.fixture(scope="module")
def untouched_run(untouched_npz, recipe, tmp_path_factory):
    """A run of one epoch on few samples, whole, that no test changes."""
    out = tmp_path_factory.mktemp("finished") / "run"
    words = ["--data", untouched_npz, "--recipe", recipe, "--out", out, "--epochs", "1"]
    assert cli.main(["train", *map(str, words), "--limit", "8", "--threads", "1"]) == 0
    return out


@pytest.fixture
def finished(untouched_run, tmp_path):
    """The same as a folder of the test's own."""
    return shutil.copytree(untouched_run, tmp_path / "run")


def test_a_finished_run_resumes_to_nothing_and_is_not_begun_again(finished, random_npz, capsys):
    kept = {path: path.read_bytes() for path in finished.iterdir()}
    words = ["train", "--data", str(random_npz), "--out", str(finished)]
    assert cli.main([*words, "--resume"]) == 0
    capsys.readouterr()
    assert cli.main([*words, "--epochs", "1"]) == 2
    assert capsys.readouterr().err == (
        f"emotion-converter: {finished} holds a run; pass --resume to continue it\n"
    )
    assert {path: path.read_bytes() for path in finished.iterdir()} == kept


def test_a_run_of_an_earlier_version_goes_on_with_its_samples(finished, random_npz):
    state = state_of(finished)
    for name in ("votes", "label_map", "near_copies", "teachers", "minutes", "spent_s"):
        del state[name]
    torch.save(state, finished / "state.pt")
    assert RunFolder(finished).resume()[1].near_copies
    words = ["train", "--data", str(random_npz), "--out", str(finished), "--resume"]
    assert cli.main(words) == 0


def test_training_leaves_the_process_as_it_was(finished, random_npz):
    threads = torch.get_num_threads()
    words = ["--data", random_npz, "--out", finished, "--resume", "--threads", threads + 1]
    assert cli.main(["train", *map(str, words)]) == 0
    assert torch.get_num_threads() == threads
    assert sys.float_info.min / 2 > 0


def test_what_a_run_was_begun_with_cannot_change(finished, random_npz, random_faces, capsys):
    words = ["train", "--out", str(finished), "--resume", "--data"]
    assert cli.main([*words, str(random_npz), "--limit", "9"]) == 2
    assert "--limit is for a new run" in capsys.readouterr().err
    arrays = dict(np.load(random_npz))
    arrays["labels"] = arrays["labels"][::-1].copy()
    np.savez(random_npz, **arrays)
    assert cli.main([*words, str(random_npz)]) == 1
    assert "not the samples that" in capsys.readouterr().err


@pytest.fixture
def voted_csv(random_faces, tmp_path):
    """`random_faces` as fer2013.csv, and votes for them."""
    data, votes = tmp_path / "fer2013.csv", tmp_path / "fer2013new.csv"
    names = "Training", "PublicTest", "PrivateTest"
    rows = [
        f"{label},{' '.join(map(str, image.ravel()))},{names[split]}"
        for image, label, split in zip(
            random_faces.images, random_faces.labels, random_faces.split, strict=True
        )
    ]
    data.write_text("\n".join(["emotion,pixels,Usage", *rows]))
    columns = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    counts = [f"Training,{row}.png,{row % 8},9,0,0,0,0,0,0,0,0" for row in range(len(rows))]
    votes.write_text("\n".join([f"Usage,Image name,{columns}", *counts]))
    return data, votes


def test_a_resumed_run_remembers_its_votes_and_where_they_went(
    voted_csv, recipe, tmp_path, capsys, monkeypatch
):
    data, votes = voted_csv
    out = ["--out", str(tmp_path / "run")]
    monkeypatch.chdir(tmp_path)
    first = ["--recipe", str(recipe), "--epochs", "1", "--limit", "8", "--threads", "1"]
    words = ["train", "--data", str(data), *out]
    assert cli.main([*words, *first, "--votes", votes.name, "--label-map", "0=anger"]) == 1
    assert cli.main([*words, *first, "--votes", votes.name]) == 0
    assert cli.main([*words, "--resume"]) == 0
    moved = votes.rename(tmp_path / "moved.csv")
    capsys.readouterr()
    assert cli.main([*words, "--resume"]) == 1
    assert f"{votes}: cannot read the votes" in capsys.readouterr().err
    assert cli.main([*words, "--resume", "--votes", str(moved)]) == 0
    assert cli.main([*words, "--resume"]) == 0


def test_a_run_without_votes_takes_none_later(voted_csv, recipe, tmp_path, capsys):
    data, votes = voted_csv
    words = ["train", "--data", str(data), "--out", str(tmp_path / "run")]
    begun = ["--recipe", str(recipe), "--epochs", "1", "--limit", "8", "--threads", "1"]
    assert cli.main([*words, *begun]) == 0
    capsys.readouterr()
    assert cli.main([*words, "--resume", "--votes", str(votes)]) == 1
    assert f"{data} with votes {votes}: not the samples" in capsys.readouterr().err


@pytest.mark.parametrize("keep", [0, 1000])
def test_a_damaged_state_is_refused(finished, random_npz, keep, capsys):
    state = finished / "state.pt"
    state.write_bytes(state.read_bytes()[:keep])
    assert cli.main(["train", "--out", str(finished), "--resume", "--data", str(random_npz)]) == 1
    assert capsys.readouterr().err == (f"emotion-converter: {state}: not the state of a run\n")


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
