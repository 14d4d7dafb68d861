"""Float checkpoints: a DenseNet121's weights as safetensors, in torchvision's names."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from converter.errors import CheckpointError
from converter.training.model import DenseNet121, stem_of

UNREAD = "num_batches_tracked"
"""torch counts the batches that a norm has seen; nothing reads it after training."""


def load_checkpoint(path: Path) -> DenseNet121:
    """Return the network in eval mode with the weights at `path`, float16 widened to float32.

    It has the stem of the weights.

    Raises CheckpointError when the file is missing, damaged, or of another architecture.
    """
    weights = {name: weight.float() for name, weight in _read(path).items()}
    net = DenseNet121(stem=stem_of(weights))
    _check_fit(path, weights, net.state_dict())
    net.load_state_dict(weights, strict=False)
    return net.eval()


def checkpoint_bytes(net: DenseNet121) -> bytes:
    """Return the file that `load_checkpoint` reads, its convolutions as float16: half the size."""
    weights = {
        name: (weight.half() if weight.ndim == 4 else weight).cpu().contiguous()
        for name, weight in net.state_dict().items()
        if not name.endswith(UNREAD)
    }
    content: bytes = save(weights)
    return content


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        weights: dict[str, torch.Tensor] = load_file(path)
    except OSError as exc:
        reason = exc.strerror or "no such file"
        raise CheckpointError(f"{path}: cannot read the checkpoint: {reason}") from exc
    except SafetensorError as exc:
        raise CheckpointError(f"{path}: not a whole safetensors file: {exc}") from exc
    return weights


def _check_fit(
    path: Path, weights: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    names = {name for name in expected if not name.endswith(UNREAD)}
    for name in sorted(names ^ weights.keys()):
        fault = "lacks" if name in names else "has an unknown weight"
        raise CheckpointError(f"{path}: not this DenseNet121: it {fault} {name!r}")
    for name, weight in weights.items():
        if weight.shape != expected[name].shape:
            raise CheckpointError(
                f"{path}: not this DenseNet121: {name!r} is {tuple(weight.shape)}, "
                f"expected {tuple(expected[name].shape)}"
            )
        if not torch.isfinite(weight).all():
            raise CheckpointError(f"{path}: {name!r} holds a value that is not finite")
