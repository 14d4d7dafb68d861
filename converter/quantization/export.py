"""From torch to a float TFLite model, channels last as TFLite computes."""

from __future__ import annotations

import re

import torch
from ai_edge_litert.tools import flatbuffer_utils
from torch import nn

from converter.errors import ConversionError
from converter.quiet import quiet
from converter.training.model import IMAGE_SIDE_PX

with quiet():
    import litert_torch


def float_tflite(net: nn.Module) -> bytes:
    """Return `net`, which takes float32 (1, 1, 48, 48), as TFLite taking (1, 48, 48, 1).

    Raises ConversionError when the network cannot be expressed.
    """
    litert_torch.config.show_progress = False
    sample = torch.zeros(1, IMAGE_SIDE_PX, IMAGE_SIDE_PX, 1)
    wrapped = litert_torch.to_channel_last_io(net, args=[0]).eval()
    try:
        with quiet():
            model: bytes = litert_torch.convert(wrapped, (sample,)).model_content()
    except Exception as exc:  # torch.export and the compiler raise any exception
        reason = str(exc).strip().partition("\n")[0]
        raise ConversionError(f"the network does not convert to TFLite: {reason}") from exc
    return _with_short_names(model)


def _with_short_names(model: bytes) -> bytes:
    """Return the model with its tensors named by module path.

    The compiler's names, of 200 characters and more, would be 200 KB of the int8 file.
    """
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    for subgraph in tree.subgraphs:
        for index, tensor in enumerate(subgraph.tensors):
            tensor.name = f"{_module_path(tensor.name.decode())}:{index}".encode()
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def _module_path(name: str) -> str:
    """Return "features.conv0" of "pkg.Wrapper/pkg.Net_wrapped/pkg.A_features/pkg.B_conv0;1"."""
    modules = re.sub(r";\d*$", "", name).rpartition(";")[2].split("/")[2:]
    return ".".join(module.rpartition(".")[2].partition("_")[2] for module in modules) or name
