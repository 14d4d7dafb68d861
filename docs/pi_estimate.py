"""Estimates the speed on a Raspberry Pi 4 and 5, which was never measured: the arithmetic.

The multiply-accumulates and bytes come from the networks. The instructions were counted under
qemu-user, see docs/pi_instructions.json. What a core does in a cycle comes from Arm's software
optimization guides. `python -m docs.generate` writes the tables of docs/performance.md.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.config import load_config
from edge.models import model_path
from edge.vision.blazeface import find_network
from edge.vision.runtime import find_interpreter

INSTRUCTIONS = Path(__file__).with_name("pi_instructions.json")

# Runs in a second of video at 15 frames per second with two faces that move, counted in the demo
# scene, where all of the background moves and nearly every tile is searched in its turn.
RUNS_PER_S = {"BlazeFace": 29.0, "landmarks": 0.8, "expression": 16.4}
# The rest of the loop, in ms for each second of such a video on one x86 core of 2.1 GHz or more:
# resizing, tracking, Python. A Pi's core is taken to be this many times as slow.
REST_MS_PER_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """A board's core: int8 and float32 multiply-accumulates and instructions in a cycle, at best.

    Arm, Cortex-A72 and Cortex-A76 Software Optimization Guides: SMULL and SMLAL (8 int8 products)
    with SADALP give 8 a cycle on the A72's two pipes. The A76 starts two SDOT (16 products) a
    cycle. FMLA on four floats starts once a cycle on the A72 and twice on the A76. The A72 decodes
    three instructions a cycle, the A76 four.
    """

    board: str
    name: str
    ghz: float
    int8_per_cycle: float
    float_per_cycle: float
    instructions_per_cycle: float
    slower_than_x86: float


CORES = (
    Core(
        board="Raspberry Pi 4",
        name="cortex-a72",
        ghz=1.5,
        int8_per_cycle=8,
        float_per_cycle=4,
        instructions_per_cycle=3,
        slower_than_x86=5,
    ),
    Core(
        board="Raspberry Pi 5",
        name="cortex-a76",
        ghz=2.4,
        int8_per_cycle=32,
        float_per_cycle=8,
        instructions_per_cycle=4,
        slower_than_x86=2,
    ),
)

# Real loops reach between this share of the bound and all of it.
_REACHED = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one run of a network takes: multiply-accumulates, and bytes of weights and tensors."""

    name: str
    macs: int
    is_int8: bool
    weight_bytes: int
    tensor_bytes: int
    sha256: str


def works() -> list[Work]:
    """Return the work of the three networks, from their files."""
    return [
        work_of("BlazeFace", find_network("face_detection_short_range.tflite")),
        work_of("landmarks", find_network("face_landmark.tflite")),
        work_of("expression", model_path(load_config())),
    ]


def work_of(name: str, path: Path) -> Work:
    """Return the work of one network, operation by operation."""
    interpreter = find_interpreter()(model_path=str(path))
    interpreter.allocate_tensors()
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    macs = moved = 0
    for op in interpreter._get_ops_details():
        macs += multiply_accumulates(op, tensors)
        moved += sum(_bytes(tensors[i]) for i in op["outputs"] if i in tensors)
    first = interpreter.get_input_details()[0]
    return Work(
        name=name,
        macs=macs,
        is_int8=first["dtype"].__name__ == "int8",
        weight_bytes=path.stat().st_size,
        tensor_bytes=moved,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def multiply_accumulates(op: Mapping[str, Any], tensors: Mapping[int, Any]) -> int:
    """Return the multiply-accumulates of a convolution or a matrix product, 0 of anything else."""
    if op["op_name"] not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        return 0
    weights = [int(n) for n in tensors[op["inputs"][1]]["shape"]]
    outputs = math.prod(int(n) for n in tensors[op["outputs"][0]]["shape"])
    if op["op_name"] == "DEPTHWISE_CONV_2D":
        return outputs * weights[1] * weights[2]
    return outputs * math.prod(weights[1:])


def _bytes(tensor: Mapping[str, Any]) -> int:
    size = 1 if tensor["dtype"].__name__ in ("int8", "uint8") else 4
    return math.prod(int(n) for n in tensor["shape"]) * size


def instructions(work: Work, core: Core) -> float | None:
    """Return the instructions of one run that were counted for this core and this very network."""
    counted = json.loads(INSTRUCTIONS.read_text("utf-8"))["networks"].get(work.name, {})
    if counted.get("sha256") != work.sha256 or core.name not in counted:
        return None
    return float(counted[core.name])


def bound_ms(work: Work, core: Core) -> float:
    """Return the least time of one run: of the products, or of the instructions if that is more."""
    per_cycle = core.int8_per_cycle if work.is_int8 else core.float_per_cycle
    cycles = work.macs / per_cycle
    if (counted := instructions(work, core)) is not None:
        cycles = max(cycles, counted / core.instructions_per_cycle)
    return cycles / core.ghz / 1e6


def pi_estimate() -> str:
    """Return the tables."""
    found = works()
    return "\n".join([*_work_table(found), "", *_bound_table(found), "", *_loop_table(found), ""])


def _work_table(found: list[Work]) -> Iterator[str]:
    yield "| network | million multiply-accumulates | type | weights, KB | tensors written, KB |"
    yield "|---|---|---|---|---|"
    for work in found:
        kind = "int8" if work.is_int8 else "float32"
        yield (
            f"| {work.name} | {work.macs / 1e6:.1f} | {kind} | {work.weight_bytes / 1e3:.0f} "
            f"| {work.tensor_bytes / 1e3:.0f} |"
        )


def _bound_table(found: list[Work]) -> Iterator[str]:
    yield "| core | network | products bound, ms | million instructions | least time, ms |"
    yield "|---|---|---|---|---|"
    for core in CORES:
        for work in found:
            per_cycle = core.int8_per_cycle if work.is_int8 else core.float_per_cycle
            counted = instructions(work, core)
            yield (
                f"| {core.name}, {core.ghz:g} GHz | {work.name} "
                f"| {work.macs / per_cycle / core.ghz / 1e6:.1f} "
                f"| {'not counted' if counted is None else f'{counted / 1e6:.1f}'} "
                f"| {bound_ms(work, core):.1f} |"
            )


def _loop_table(found: list[Work]) -> Iterator[str]:
    yield "| estimate for | of one core, two faces at 15 fps | frames/s, one thread |"
    yield "|---|---|---|"
    for core in CORES:
        least = sum(RUNS_PER_S[work.name] * bound_ms(work, core) for work in found) / 1000
        rest = REST_MS_PER_S * core.slower_than_x86 / 1000
        low, high = least + rest, least / _REACHED + rest
        yield f"| {core.board} | {low:.0%} to {high:.0%} | {15 / high:.0f} to {15 / low:.0f} |"
