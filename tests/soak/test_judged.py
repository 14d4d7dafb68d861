"""What a soak calls a promise that was not held."""

from dataclasses import replace

import numpy as np
import pytest
from faults import Happened
from judged import RECOVERY_S, Ending, Sample, as_json, is_calm, promises

ENDING = Ending(exit_code=0, log="", history="ok", watchdog_s=30.0, failures=())
STALL = Happened(name="camera stalls", began_s=700, ended_s=708, stops_frames=True)
GARBAGE = Happened(name="garbage", began_s=900, ended_s=901, stops_frames=False)


def samples(leak_mb_per_minute: float = 0.0, *, seconds: int = 1800) -> list[Sample]:
    rng = np.random.default_rng(1)
    return [
        Sample(
            at_s=float(at),
            anonymous_mb=90 + rng.normal() * 0.5 + leak_mb_per_minute * at / 60,
            threads=43.0 + (at % 7 == 0),
            descriptors=21.0 + (at % 5),
            load=1.0,
            fps=15.0,
            age_ms=60.0,
            shown_age_ms=90.0 if at % 2 else None,
        )
        for at in range(seconds)
    ]


def missed(run: list[Sample], ending: Ending = ENDING) -> set[str]:
    judged = promises(run, [STALL, GARBAGE], ending, warm_up_s=600)
    assert as_json(run, [STALL, GARBAGE], judged)["samples"][0]["at_s"] == 0
    return {promise.name for promise in judged if not promise.is_held}


def test_a_calm_run_holds_every_promise() -> None:
    assert missed(samples()) == set()


def test_the_leak_of_earlier_is_found() -> None:
    assert missed(samples(0.7)) == {"anonymous memory"}


def test_a_run_too_short_to_tell_does_not_pass() -> None:
    assert missed(samples(seconds=660)) == {"anonymous memory"}


@pytest.mark.parametrize("name", ["threads", "descriptors"])
def test_what_each_fault_leaves_behind_is_found(name: str) -> None:
    run = [replace(s, **{name: getattr(s, name) + s.at_s // 300}) for s in samples()]
    assert missed(run) == {name}


def test_old_frames_count_outside_of_faults_of_the_camera_only() -> None:
    def with_age(at_s: float) -> list[Sample]:
        return [replace(s, age_ms=900.0) if at_s <= s.at_s <= at_s + 13 else s for s in samples()]

    assert missed(with_age(700)) == set()
    assert missed(with_age(900)) == {"age of the newest frame"}


def test_the_time_after_a_fault_is_not_calm() -> None:
    times = (699.0, 700.0, 708.0 + RECOVERY_S, 708.5 + RECOVERY_S)
    calm = [is_calm(replace(samples(seconds=1)[0], at_s=at), [STALL]) for at in times]
    assert calm == [True, False, False, True]


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("tracebacks", replace(ENDING, log="Traceback (most recent call last):\n")),
        ("faults that went wrong", replace(ENDING, failures=("paused: OSError()",))),
        ("history", replace(ENDING, history="row 3 missing from index")),
        ("watchdog", replace(ENDING, watchdog_s=91.0)),
        ("watchdog", replace(ENDING, watchdog_s=0.0)),
        ("end", replace(ENDING, exit_code=-6)),
    ],
)
def test_how_it_ended_counts(name: str, ending: Ending) -> None:
    assert missed(samples(), ending) == {name}


def test_a_status_that_does_not_arrive_counts() -> None:
    run = samples()
    run[1000] = replace(run[1000], fps=None, age_ms=None, shown_age_ms=None)
    assert missed(run) == {"answers"}
