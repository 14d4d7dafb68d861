"""Runs of the training that a test begins, and what lies in their folders."""

import json
import sys

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


def command(*words):
    return [sys.executable, "-m", "converter", "train", *map(str, words), "--threads", "1"]


def weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / "densenet121_fer48.safetensors")


def state_of(folder):
    import torch

    return torch.load(folder / "state.pt", weights_only=True)


def log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
