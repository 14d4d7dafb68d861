"""Runs one TFLite network on NumPy arrays, with LiteRT or tflite-runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError, PackageMissing
from edge.files import read_file
from edge.process.quiet import native_stderr_muted

MAX_MODEL_BYTES = 500_000_000
"""Ten times a float DenseNet121, near the limit of a Pi's memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """An input or output: scale 0 means that the tensor is not quantized."""

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


class Network:
    """A loaded network with allocated tensors, for one thread at a time."""

    def __init__(self, model: Path | bytes, *, threads: int = 1) -> None:
        """Load `model`, a file or its content. Raises ModelError when it is not a network."""
        interpreter_type = find_interpreter()
        name = str(model) if isinstance(model, Path) else "network"
        try:
            content = (
                read_file(model, limit_bytes=MAX_MODEL_BYTES) if isinstance(model, Path) else model
            )
            with native_stderr_muted():  # the runtime prints its delegate there
                self._interpreter = interpreter_type(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
            self.inputs = tuple(map(_spec, self._interpreter.get_input_details()))
            self.outputs = tuple(map(_spec, self._interpreter.get_output_details()))
        except OSError as exc:
            raise ModelError(f"{name}: cannot read the network: {exc.strerror}") from exc
        except (ValueError, RuntimeError, MemoryError) as exc:
            raise ModelError(f"{name}: not a network this runtime can load: {_said(exc)}") from exc
        self._name = name

    def __call__(self, *arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run once: one array per input, of its exact shape and dtype; one array per output."""
        for spec, array in zip(self.inputs, arrays, strict=True):
            self._interpreter.set_tensor(spec.index, array)
        try:
            self._interpreter.invoke()
        except RuntimeError as exc:
            raise ModelError(f"{self._name}: the network failed to run: {_said(exc)}") from exc
        return [self._interpreter.get_tensor(spec.index) for spec in self.outputs]


def find_interpreter() -> Callable[..., Any]:
    """Return LiteRT's Interpreter, or tflite-runtime's, its predecessor's, which suits as well.

    Raises PackageMissing without both.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter  # noqa: PLC0415
        except ImportError as exc:
            raise PackageMissing(
                "no TFLite runtime is installed: pip install ai-edge-litert (64-bit systems only)"
            ) from exc
    return Interpreter  # type: ignore[no-any-return]


def _said(exc: Exception) -> str:
    """Return the runtime's message without the location in its own source."""
    return str(exc).strip().splitlines()[-1][-200:] if str(exc).strip() else type(exc).__name__


def _spec(detail: dict[str, Any]) -> TensorSpec:
    scale, zero_point = detail["quantization"]
    return TensorSpec(
        index=int(detail["index"]),
        shape=tuple(map(int, detail["shape"])),
        dtype=np.dtype(detail["dtype"]),
        scale=float(scale),
        zero_point=int(zero_point),
    )
