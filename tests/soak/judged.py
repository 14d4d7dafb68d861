"""What a soak has measured, and whether that is what the device promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from faults import Happened
from slope import Series, Slope, slope_of

MOST_MB_PER_HOUR = 1.0
MOST_AGE_MS = 300.0  # of 99% of the frames
RECOVERY_S = 5.0  # after a fault of the camera no fresh frames are promised for so long
_WINDOWS = 5  # of which the fewest threads and descriptors are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The device at one moment; a status that did not arrive is None in all that it would tell."""

    at_s: float
    anonymous_mb: float
    threads: float
    descriptors: float
    load: float  # of the machine, over a minute
    fps: float | None
    age_ms: float | None
    shown_age_ms: float | None  # of what viewers see, None without viewers


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise: what was found, and whether it was held."""

    name: str
    found: str
    is_held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is known when the device has ended."""

    exit_code: int
    log: str
    history: str  # SQLite's own check
    watchdog_s: float  # the longest time without a sign of life
    failures: Sequence[str]  # faults that could not be injected or taken back


def promises(
    samples: Sequence[Sample], happened: Sequence[Happened], ending: Ending, warm_up_s: float
) -> list[Promise]:
    """Judge all samples after the warm-up."""
    settled = [sample for sample in samples if sample.at_s >= warm_up_s]
    calm = [sample for sample in settled if is_calm(sample, happened)]
    times = np.array([sample.at_s / 3600 for sample in settled])
    memory = slope_of(times, np.array([sample.anonymous_mb for sample in settled]))
    missing = sum(sample.fps is None for sample in calm)
    return [
        _memory(memory),
        _constant("threads", [sample.threads for sample in settled]),
        _constant("descriptors", [sample.descriptors for sample in settled]),
        _age("age of the newest frame", [sample.age_ms for sample in calm]),
        _age("age of what viewers see", [sample.shown_age_ms for sample in calm]),
        Promise(name="answers", found=f"{missing} of {len(calm)} missing", is_held=not missing),
        _none("tracebacks", ending.log.count("Traceback (most recent call last)")),
        _none("faults that went wrong", len(ending.failures)),
        Promise(name="history", found=ending.history, is_held=ending.history == "ok"),
        Promise(
            name="watchdog",
            found=f"at most {ending.watchdog_s:.1f} s without a sign of life, of 90",
            is_held=0 < ending.watchdog_s < 90,
        ),
        Promise(name="end", found=f"exit code {ending.exit_code}", is_held=ending.exit_code == 0),
    ]


def is_calm(sample: Sample, happened: Sequence[Happened]) -> bool:
    """Return whether fresh frames are promised at this moment."""
    return not any(
        fault.stops_frames and fault.began_s <= sample.at_s <= fault.ended_s + RECOVERY_S
        for fault in happened
    )


def percentiles(values: Series) -> dict[str, float]:
    """Return the median and the tail."""
    if not len(values):
        return {}
    return {f"p{share}": round(float(np.percentile(values, share)), 1) for share in (50, 95, 99)}


def as_json(
    samples: Sequence[Sample], happened: Sequence[Happened], judged: Sequence[Promise]
) -> dict[str, Any]:
    """Return all of it for a file."""
    return {
        "promises": [asdict(promise) for promise in judged],
        "faults": [asdict(fault) for fault in happened],
        "samples": [asdict(sample) for sample in samples],
    }


def _memory(slope: Slope) -> Promise:
    """The interval's upper end counts: a run too short to tell does not pass."""
    interval = f"95%: {slope.low:+.2f} to {slope.high:+.2f}"
    return Promise(
        name="anonymous memory",
        found=f"{slope.value:+.2f} MB an hour ({interval})",
        is_held=slope.high < MOST_MB_PER_HOUR,
    )


def _constant(name: str, values: Sequence[float]) -> Promise:
    """Faults take some for a while. What a leak takes is missing from the fewest of each window."""
    fewest = [int(window.min()) for window in np.array_split(np.array(values), _WINDOWS)]
    return Promise(
        name=name,
        found=f"fewest of each fifth {fewest}, most {int(max(values))}",
        is_held=fewest[-1] <= fewest[0],
    )


def _age(name: str, values: Sequence[float | None]) -> Promise:
    known = np.array([value for value in values if value is not None])
    found = percentiles(known)
    return Promise(
        name=name,
        found=f"ms: {found} of {len(known)}",
        is_held=bool(found) and found["p99"] < MOST_AGE_MS,
    )


def _none(name: str, count: int) -> Promise:
    return Promise(name=name, found=str(count), is_held=count == 0)
