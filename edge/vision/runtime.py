"""Runs one TFLite network on NumPy arrays, with LiteRT or tflite-runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

# Samples in one run, which bounds its memory: a still may have 200 faces.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """An input or output: scale 0 means that the tensor is not quantized."""

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


class Network:
    """A loaded network with allocated tensors, for one thread at a time.

    It is converted for one sample, the first dimension of its inputs and outputs.
    """

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
        self._size, self._most = 1, _AT_ONCE

    def __call__(self, *arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        """Run once: one array per input, of its exact shape and dtype; one array per output."""
        self._resize(1)
        return self._run(arrays)

    def run_batch(self, samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the outputs (N, ...) for `samples` (N, ...) of a network with one of each.

        Several at once take less time, since the weights are read from memory only once. Through a
        network that cannot be resized they go one by one.
        """
        outputs = []
        while len(samples):
            size = min(len(samples), self._most)
            try:
                self._resize(size)
            except ModelError:
                if size == 1:
                    raise
                self._most = 1
                continue
            outputs += self._run([samples[:size]])
            samples = samples[size:]
        return np.concatenate(outputs)

    def _run(self, arrays: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        for spec, array in zip(self.inputs, arrays, strict=True):
            self._interpreter.set_tensor(spec.index, array)
        try:
            self._interpreter.invoke()
        except RuntimeError as exc:
            raise ModelError(f"{self._name}: the network failed to run: {_said(exc)}") from exc
        return [self._interpreter.get_tensor(spec.index) for spec in self.outputs]

    def _resize(self, size: int) -> None:
        """Prepare for `size` samples in a run. Raises ModelError when the network cannot."""
        if size == self._size:
            return
        (taken,), (given,) = self.inputs, self.outputs
        self._size = 0  # unknown, should the next lines fail
        try:
            self._interpreter.resize_tensor_input(taken.index, (size, *taken.shape[1:]))
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as exc:
            raise ModelError(f"{self._name}: the network cannot be resized: {_said(exc)}") from exc
        self._size = size
        (now,) = self._interpreter.get_output_details()
        if now["shape"].tolist() != [size, *given.shape[1:]]:
            raise ModelError(f"{self._name}: the network gives {now['shape'].tolist()} for {size}")


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
