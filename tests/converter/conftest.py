"""What the converter's tests share. Everything here is skipped where torch is not installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from converter.data.dataset import FaceDataset
    from converter.training.model import DenseNet121, Stem

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shipped_model() -> Path:
    return ROOT / "models" / "emotion_densenet121_int8.tflite"


@pytest.fixture(scope="session")
def fer2013() -> Path:
    """FER2013 as .npz; it may not be in the repository."""
    path = SHARED / "data" / "fer2013.npz"
    if not path.exists():
        pytest.skip("FER2013 is not at ../shared/data/fer2013.npz")
    return path


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    path = SHARED / "checkpoints" / "densenet121_fer48.safetensors"
    if not path.exists():
        pytest.skip("the float weights are not at ../shared/checkpoints")
    return path


@pytest.fixture(scope="session")
def environment(request: pytest.FixtureRequest) -> Callable[..., Path]:
    """Return the Python of an environment of this name and packages, made once, in .cache."""

    def python_with(name: str, *packages: str) -> Path:
        folder = request.config.rootpath / ".cache" / name
        python, done = folder / "bin" / "python", folder / "complete"
        if not done.exists():
            venv.create(folder, clear=True)
            # With our own pip, and compiling only what will be imported: TensorFlow has thousands.
            pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "--no-compile"]
            installed = subprocess.run(
                [*pip, "--quiet", *packages], capture_output=True, text=True, check=False
            )
            if installed.returncode:
                pytest.skip(f"{name} cannot be installed: {installed.stderr.strip()[-200:]}")
            done.touch()
        return python

    return python_with


@pytest.fixture(scope="session")
def random_net() -> DenseNet121:
    """A network that was never trained, but whose norms have seen something: none is trivial."""
    return untrained_net("plain")


@pytest.fixture(scope="session")
def random_deep_net() -> DenseNet121:
    """The same with the deep stem."""
    return untrained_net("deep")


def untrained_net(stem: Stem) -> DenseNet121:
    import torch
    from torch import nn

    from converter.training.model import DenseNet121

    torch.manual_seed(0)
    net = DenseNet121(stem=stem)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return net.eval()


@pytest.fixture
def random_faces() -> FaceDataset:
    return noise_faces()


def noise_faces() -> FaceDataset:
    """Return 70 different samples of noise in the three splits, ten of every label."""
    from converter.data.dataset import FaceDataset

    rng = np.random.default_rng(0)
    return FaceDataset(
        images=rng.integers(0, 256, (70, 48, 48), np.uint8),
        labels=np.repeat(np.arange(7, dtype=np.uint8), 10),
        split=np.tile(np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2], np.uint8), 7),
        votes=np.full((70, 10), -1, np.int8),
    )


@pytest.fixture(scope="session")
def untouched_npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`random_faces` as a file that no test changes."""
    faces = noise_faces()
    path = tmp_path_factory.mktemp("faces") / "faces.npz"
    np.savez(path, images=faces.images, labels=faces.labels, split=faces.split, ferplus=faces.votes)
    return path


@pytest.fixture
def random_npz(untouched_npz: Path, tmp_path: Path) -> Path:
    """`random_faces` as a file of the test's own."""
    return Path(shutil.copy(untouched_npz, tmp_path))


@pytest.fixture(scope="session")
def untouched_checkpoint(random_net: DenseNet121, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`random_net` as a file that no test changes."""
    from safetensors.torch import save_file

    path = tmp_path_factory.mktemp("checkpoint") / "random.safetensors"
    weights = random_net.state_dict()
    save_file({k: v for k, v in weights.items() if "num_batches" not in k}, path)
    return path


@pytest.fixture
def random_checkpoint(untouched_checkpoint: Path, tmp_path: Path) -> Path:
    """`random_net` as a file of the test's own."""
    return Path(shutil.copy(untouched_checkpoint, tmp_path))
