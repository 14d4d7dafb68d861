"""A run that is killed at any moment and goes on: with the same samples, votes and teachers."""

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
from runs import FEW, FILES, command, log, state_of, weights

from converter import cli
from converter.training.run_folder import RunFolder

pytestmark = [pytest.mark.converter, pytest.mark.timeout(600)]


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


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
