"""Measures clips with some numbers of threads, side by side with another program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.bench.clips import Clip, clip_of, demo_clip
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


def _cases(
    config: Config, plan: Plan, threads: int, fer: Fer | None, tell: Callable[[str], None]
) -> Iterator[Case]:
    bench: Bench | None = None
    for clip in _clips(plan):
        with limited_to(threads):
            bench = bench or Bench(config, threads)
            tell(f"{clip.name}, threads: {threads}")
            yield _case(bench, clip, threads, plan.rounds, fer)


def _clips(plan: Plan) -> Iterator[Clip]:
    """Yield one clip at a time: each takes up to a megabyte for a frame."""
    if plan.path is not None:
        yield clip_of(plan.path, plan.frames)
        return
    for faces in plan.faces:
        yield demo_clip(faces, plan.frames)


def _case(bench: Bench, clip: Clip, threads: int, rounds: int, fer: Fer | None) -> Case:
    """Measure one clip, in turn with fer, so that a change of the machine's load meets both."""
    bench.warm_up(clip)
    if fer is not None:
        fer.load(clip, threads)
    ours: list[Round] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(rounds):
        ours.append(bench.run(clip))
        if fer is not None:
            theirs.append(fer.run())
    return Case(
        clip=clip.name,
        threads=threads,
        rounds=tuple(ours),
        others_per_s=tuple(rate for rate, _ in theirs),
        others_faces=round(theirs[0][1], 2) if theirs else None,
    )
