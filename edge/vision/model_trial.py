"""Tries a network in a process of its own before the device loads it.

LiteRT checks a file's structure, but not every number in it. A changed number may make it read
outside its memory, which ends the process, or allocate gigabytes. In a trial that ends a process
that has nothing else to do.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from edge.errors import EdgeError, ModelError, ResourceError
from edge.vision.runtime import Network, find_interpreter

_LONGEST_S = 60  # the shipped model takes 0.6 s on a desktop, with Python's start
_BASE_BYTES = 512 * 1024 * 1024
_BYTES_PER_BYTE = 4  # of the file: the content, its copy in the runtime's own layout, its results
_REFUSED = 3  # the exit code for a refusal, whose line is then on stdout


def require_runs(name: str, content: bytes) -> None:
    """Run a network once in a process of its own.

    Raises ModelError when it cannot be loaded or run there, ResourceError without a process, and
    PackageMissing without a runtime.
    """
    find_interpreter()
    package = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-P", "-m", "edge.vision.model_trial"]  # -P: not the present folder
    paths = filter(None, (str(package), os.environ.get("PYTHONPATH")))
    environment = {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(  # noqa: S603 (this module)
            command,
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
            timeout=_LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise ModelError(f"{name}: it did not run within {_LONGEST_S} s in a trial") from exc
    except OSError as exc:
        raise ResourceError(f"{name}: no process to try it in: {exc.strerror}") from exc
    if done.returncode:
        raise ModelError(f"{name}: {_reason(done.returncode, done.stdout)}")


def try_network(content: bytes) -> None:
    """Load a network and run it on zeros as the device does. Raises ModelError."""
    network = Network(content)
    zeros = [np.zeros(spec.shape, spec.dtype) for spec in network.inputs]
    network(*zeros)
    if len(network.inputs) == len(network.outputs) == 1:
        network.run_batch(np.repeat(zeros[0], 2, axis=0))


def _reason(code: int, told: bytes) -> str:
    if code == _REFUSED:
        return told.decode("utf-8", "replace").strip().removeprefix("network: ")
    if code < 0:
        how = f"it ended a trial with {signal.Signals(-code).name}"
    else:
        how = "a trial failed"
    return f"not a network this runtime can run: {how}; convert it again"


def _limit(size_bytes: int) -> None:
    most = _BASE_BYTES + _BYTES_PER_BYTE * size_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (_LONGEST_S, _LONGEST_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _main() -> int:
    content = sys.stdin.buffer.read()
    _limit(len(content))
    try:
        try_network(content)
    except EdgeError as exc:
        sys.stdout.write(f"{exc}\n")
        return _REFUSED
    except MemoryError:
        sys.stdout.write("not a network this runtime can run: it needs too much memory\n")
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main())
