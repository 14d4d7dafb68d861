"""Measures clips with some numbers of threads, side by side with another program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.bench.clips import ONE_FACE, Clip, clip_of, demo_clip
from edge.bench.competitor import VERSION, Fer
from edge.bench.device import DeviceRun, run_once
from edge.bench.machine import machine
from edge.bench.measure import Bench, Case, Round, limited_to
from edge.config import Config

_DEVICE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure: `path` a video or a folder of images, None for the demo scene.

    `faces` are the numbers of faces in the demo scene, `compare` the Python that has fer.
    """

    path: Path | None
    faces: Sequence[int]
    frames: int
    rounds: int
    threads: Sequence[int]
    compare: Path | None
    with_device: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was found, with the machine it was found on."""

    machine: dict[str, Any]
    cases: tuple[Case, ...]
    device: DeviceRun | None
    compared_with: str

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "machine": self.machine,
            "compared_with": self.compared_with,
            "cases": [case.to_dict() for case in self.cases],
            "device": None if self.device is None else self.device.to_dict(),
        }


def measure(config: Config, plan: Plan, tell: Callable[[str], None]) -> Measurement:
    """Measure all of `plan`; `tell` is called with each step. Raises EdgeError."""
    described = machine()
    with ExitStack() as opened:
        fer = opened.enter_context(Fer(plan.compare)) if plan.compare else None
        device = None
        if plan.with_device:
            tell("the device: start and memory")
            device = run_once(config, _DEVICE_S)
        cases: list[Case] = []
        for threads in plan.threads:
            beside = fer if threads == min(plan.threads) else None
            cases += _cases(config, plan, threads, beside, tell)
    return Measurement(
        machine=described,
        cases=tuple(cases),
        device=device,
        compared_with=f"fer {VERSION}" if plan.compare else "",
    )


@dataclass(slots=True)
class _Passes:
    """The passes over one clip so far, of the device and of the program it is compared with."""

    ours: list[Round] = field(default_factory=list)
    theirs: list[tuple[float, float]] = field(default_factory=list)


def _cases(
    config: Config, plan: Plan, threads: int, fer: Fer | None, tell: Callable[[str], None]
) -> list[Case]:
    """Measure every clip in each round, so that a change of the machine's load meets all."""
    passes: dict[str, _Passes] = defaultdict(_Passes)
    with limited_to(threads):
        bench = Bench(config, threads)
        for number in range(1, plan.rounds + 1):
            for clip in _clips(plan):
                tell(f"{clip.name}, threads: {threads}, round {number} of {plan.rounds}")
                _pass(bench, clip, threads, fer, passes[clip.name])
    return [_case(name, threads, of_clip, passes) for name, of_clip in passes.items()]


def _clips(plan: Plan) -> Iterator[Clip]:
    """Yield one clip at a time: each takes up to a megabyte for a frame."""
    if plan.path is not None:
        yield clip_of(plan.path, plan.frames)
        return
    for faces in plan.faces:
        yield demo_clip(faces, plan.frames)


def _pass(bench: Bench, clip: Clip, threads: int, fer: Fer | None, passes: _Passes) -> None:
    bench.warm_up(clip)
    passes.ours.append(bench.run(clip))
    if fer is not None:
        fer.load(clip, threads)
        passes.theirs.append(fer.run())


def _case(name: str, threads: int, passes: _Passes, of_all: Mapping[str, _Passes]) -> Case:
    return Case(
        clip=name,
        threads=threads,
        rounds=tuple(passes.ours),
        of_one_face=tuple(of_all[ONE_FACE].ours) if ONE_FACE in of_all else (),
        others_per_s=tuple(rate for rate, _ in passes.theirs),
        others_faces=round(passes.theirs[0][1], 2) if passes.theirs else None,
    )
