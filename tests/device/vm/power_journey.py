"""Power cuts at random moments: the next start works, and only the last minute is lost.

The machine's disk keeps what the machine has written to it; what its kernel held back is lost. The
moments follow from VM_SEED, which is 1 unless it is set. Upgrades are cut in upgrade_journey.py.
"""

from __future__ import annotations

import os
import random
import time

from kept import Kept, wait_for_minute
from pi import STATE, Pi

_WRITES, _STARTS, _FIRST_STARTS = 8, 4, 4
_WRITE_S = 8  # emulated, a minute is on the disk some seconds after its end
_SEED = int(os.environ.get("VM_SEED", "1"))
_RANDOM = random.Random(_SEED)  # noqa: S311 (moments, no secrets)


def history_is_written(pi: Pi) -> list[str]:
    """Begin: the demo, with a history on disk."""
    pi.configure()
    pi.restart()
    pi.wait_for_face()
    kept = pi.promised = Kept(pi)
    pi.wait_until(lambda: kept.look() or kept.minutes, "a minute on disk", 300)
    return [f"seed {_SEED}"]


def power_is_cut_while_a_minute_is_written(pi: Pi) -> list[str]:
    for number in range(1, _WRITES + 1):
        pi.promised.look()
        wait_for_minute(pi)
        time.sleep(_RANDOM.uniform(0, _WRITE_S))
        pi.machine.cut()
        restarted(pi, f"{number} of {_WRITES}: cut at the turn of a minute")
    return [f"{_WRITES} of {_WRITES} survived"]


def power_is_cut_while_it_starts(pi: Pi) -> list[str]:
    start_s = pi.started_s
    for number in range(1, _STARTS + 1):
        pi.machine.cut()
        pi.machine.switch_on()
        time.sleep(moment_s := _RANDOM.uniform(0, start_s))
        pi.machine.cut()
        restarted(pi, f"{number} of {_STARTS}: cut {moment_s:.0f} s after power on")
    return [f"{_STARTS} of {_STARTS} survived"]


def restarted(pi: Pi, cut: str) -> None:
    """Start after a cut, and see that all is there."""
    pi.start()
    assert pi.service("NRestarts") == ["0"], pi.journal()
    pi.promised.assert_is_there()
    print(
        f"             {cut}; it runs {pi.started_s:.0f} s after power on, "
        f"{len(pi.promised.minutes)} minutes kept",
        flush=True,
    )


def power_is_cut_during_the_first_start(pi: Pi) -> list[str]:
    """Cut while the service makes its state: access code, keys, history."""
    longest_s = first_started(pi)
    for number in range(1, _FIRST_STARTS + 1):
        forget(pi)
        pi.machine.begin("systemctl", "start", "emotion-edge")
        time.sleep(moment_s := _RANDOM.uniform(0, longest_s))
        pi.machine.cut()
        pi.kept.pop("code", None)
        pi.start()
        assert len(pi.code) == len("k7mf-2q9x-ta"), pi.code
        Kept(pi).assert_is_there()
        print(
            f"             {number} of {_FIRST_STARTS}: cut {moment_s:.0f} s after its start, "
            f"which takes {longest_s:.0f} s",
            flush=True,
        )
    return [f"{_FIRST_STARTS} of {_FIRST_STARTS} survived"]


def forget(pi: Pi) -> None:
    """Stop the service and remove its state, as before the first start."""
    pi.shell(f"systemctl stop emotion-edge && find {STATE} -mindepth 1 -delete && sync")


def first_started(pi: Pi) -> float:
    """Start the service without a state; return the seconds until it runs."""
    forget(pi)
    began_s = time.monotonic()
    pi.restart()
    pi.wait_until_ready()
    return time.monotonic() - began_s


POWER_STEPS = (
    history_is_written,
    power_is_cut_while_a_minute_is_written,
    power_is_cut_while_it_starts,
    power_is_cut_during_the_first_start,
)
