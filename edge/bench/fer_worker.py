"""Measures `fer`, in an environment of its own, on frames that come through standard input.

This file is run by another Python, which has fer and not this package. It reads a line of JSON with
"frames", "height", "width", "threads" and "cores", then the frames' pixels, and answers "ready".
To each line "run" it answers with one pass over them: {"seconds", "faces"}. It ends with its input.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, BinaryIO


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's: before it is loaded
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    source = sys.stdin.buffer
    detector = _detector()
    while head := source.readline():
        frames = _frames(source, json.loads(head))
        detector.detect_emotions(frames[0])
        print("ready", file=answers, flush=True)
        while (order := source.readline().strip()) == b"run":
            print(json.dumps(_pass(detector, frames)), file=answers, flush=True)
        if order != b"next":
            return


def _detector() -> Any:
    from fer.fer import FER  # noqa: PLC0415 (only where it is installed)

    return FER()


def _frames(source: BinaryIO, head: dict[str, Any]) -> Any:
    import cv2  # noqa: PLC0415 (the other environment's)
    import numpy as np  # noqa: PLC0415

    cv2.setNumThreads(head["threads"])
    os.sched_setaffinity(0, head["cores"])
    shape = (head["frames"], head["height"], head["width"], 3)
    size = shape[0] * shape[1] * shape[2] * shape[3]
    pixels = source.read(size)
    return np.frombuffer(bytearray(pixels), np.uint8).reshape(shape)


def _pass(detector: Any, frames: Any) -> dict[str, float]:
    faces = 0
    start_s = time.perf_counter()
    for frame in frames:
        faces += len(detector.detect_emotions(frame))
    return {"seconds": time.perf_counter() - start_s, "faces": faces / len(frames)}


if __name__ == "__main__":
    main()
