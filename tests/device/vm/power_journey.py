"""Power cuts at random moments: the next start works, and only the last minute is lost.

The machine's disk keeps what the machine has written to it; what its kernel held back is lost. The
moments follow from VM_SEED, which is 1 unless it is set; VM_CUTS sets their number.
"""

from __future__ import annotations

import os
import random
import time

from kept import Kept, wait_for_minute
from pi import STATE, Pi

_CUTS = int(os.environ.get("VM_CUTS", "20"))
_SEED = int(os.environ.get("VM_SEED", "1"))
_FIRST_STARTS, _UPGRADES = 3, 3
_RANDOM = random.Random(_SEED)  # noqa: S311 (moments, no secrets)


def history_is_written(pi: Pi) -> list[str]:
    """Begin: the demo, with a history on disk."""
    pi.configure()
    pi.restart()
    pi.wait_for_face()
    kept = pi.promised = Kept(pi)
    pi.wait_until(lambda: kept.look() or kept.minutes, "a minute on disk", 300)
    return [f"seed {_SEED}"]


def power_is_cut_while_it_runs_and_while_it_starts(pi: Pi) -> list[str]:
    """Cut alternately around the turn of a minute and during the start that follows."""
    kept, start_s, moment_s, done = pi.promised, 60.0, 0.0, 0
    while done < _CUTS:
        kept.look()
        wait_for_minute(pi)
        time.sleep(_RANDOM.uniform(0, 5))
        pi.machine.cut()
        done += 1
        if done < _CUTS:
            pi.machine.switch_on()
            moment_s = _RANDOM.uniform(0, start_s * 1.3)
            time.sleep(moment_s)
            pi.machine.cut()
            done += 1
        start_s = pi.machine.start()
        face_s = pi.wait_for_face()
        kept.assert_is_there()
        print(
            f"             {done} cuts: the last one {moment_s:.1f} s after power on; up after "
            f"{start_s:.0f} s, face after {face_s:.0f} s more, {len(kept.minutes)} minutes kept",
            flush=True,
        )
    return [f"{done} of {done} survived"]


def power_is_cut_during_the_first_start(pi: Pi) -> list[str]:
    """Cut while the service makes its state: access code, history, certificate."""
    moments = []
    for _ in range(_FIRST_STARTS):
        pi.shell(f"systemctl stop emotion-edge && rm -rf {STATE}/* && sync")
        pi.machine.begin("systemctl", "start", "emotion-edge")
        moments.append(_RANDOM.uniform(0, 30))
        time.sleep(moments[-1])
        pi.machine.cut()
        pi.machine.start()
        pi.kept.pop("code", None)
        pi.wait_for_face()
        assert len(pi.code) == len("k7mf-2q9x-ta"), pi.code
    return [f"after {', '.join(f'{moment:.1f}' for moment in moments)} s"]


def power_is_cut_during_an_upgrade(pi: Pi) -> list[str]:
    """Cut while install.sh makes a second release: the first one runs at the next start."""
    first, kept, seen = pi.release, Kept(pi), []
    pi.share()
    pi.shell("test -d /root/emotion-edge || cp -r /share/clone /root/emotion-edge")
    pi.shell("echo upgraded >> /root/emotion-edge/README.md && sync")
    for _ in range(_UPGRADES):
        pi.share()
        pi.machine.begin("/root/emotion-edge/install.sh", "--offline", "/share/wheels")
        time.sleep(_RANDOM.uniform(10, 180))
        pi.machine.cut()
        pi.machine.start()
        pi.wait_for_face()
        kept.assert_is_there()
        now = pi.release
        seen.append(f"{now}, beside it {pi.shell('ls /opt/emotion-edge/releases').split()}")
        assert now == first or pi.shell(f"ls /opt/emotion-edge/releases/{now}/complete")
    return seen


POWER_STEPS = (
    history_is_written,
    power_is_cut_while_it_runs_and_while_it_starts,
    power_is_cut_during_the_first_start,
    power_is_cut_during_an_upgrade,
)
