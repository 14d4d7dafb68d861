"""Attacks a device of this machine over http and over https, and measures what others notice.

    .venv/bin/python tests/drills/attack.py [--seconds 10] [--scheme http] [--cost] [NAME]...

It starts the drills' device, on the demo scene, twice in temporary folders: one is attacked, the
other is not. For each attack it tells how long another address waits, the slowest of each: for
/healthz, which may take 300 ms, and for a login and the page, which may take a second. It tells the
rate of that address' stream as a share of the one that is not attacked, which may fall by a tenth.
Exits with 1 when one is missed, when the log grows by 10 KB or holds a traceback, when the memory
grows by 32 MB, or when the device dies. NAME picks attacks by a part of their names. Addresses of
127.0.0.0/8 stand for clients.

--cost tells instead how much of a processor core each attack takes from a device whose camera is
paused, so that nothing else takes any. That depends little on what else the machine does.

Both devices run on the same machine, so that what else it does slows both; what is missed is tried
again all the same, three times in all, and /healthz may take as long as without an attack.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attacker import under
from attacks import ATTACKS
from drilled import Drilled, until
from other_address import Observer, watch

MOST_S, MOST_PAGE_S = 0.3, 1.0
LEAST_SHARE, MOST_LOG_BYTES, MOST_GROWN_MB = 0.9, 10_000, 32
TRIES = 3


@contextmanager
def started(folder: Path, *, is_https: bool) -> Iterator[Drilled]:
    """Give a device whose page answers, and end it."""
    device = Drilled(folder, web={"port": 0, "tls": is_https})
    try:
        until("the page answers", lambda: device.request("/healthz"), 90, device)
        yield device
    finally:
        device.end()


def holds(name: str, device: Drilled, observers: Sequence[Observer], seconds: float) -> bool:
    """Attack once, tell how it went, and return whether the other address noticed nothing."""
    logged, grown_mb = len(device.log), -device.memory_mb()
    with under(ATTACKS[name], device):
        attacked, other = watch(observers, seconds)
        grown_mb += device.memory_mb()
    time.sleep(1)
    logged = len(device.log) - logged
    share = attacked.pictures / other.pictures
    was_held = (
        attacked.slowest_s <= max(MOST_S, other.slowest_s)
        and attacked.page_s <= max(MOST_PAGE_S, other.page_s)
        and share >= LEAST_SHARE
        and logged < MOST_LOG_BYTES
        and grown_mb < MOST_GROWN_MB
    )
    verdict = "held  " if was_held else "MISSED"
    waits = f"{attacked.slowest_s * 1000:4.0f} ms (else {other.slowest_s * 1000:.0f})"
    waits += f", page {attacked.page_s * 1000:4.0f} ms ({other.page_s * 1000:.0f})"
    rate = f"{attacked.pictures / seconds:4.1f}/s ({share:.0%})"
    costs = f"log {logged} bytes, memory {grown_mb:+} MB"
    print(f"  {verdict} {name:35} /healthz {waits}, {rate}, {costs}", flush=True)
    return was_held


def try_all(folder: Path, *, is_https: bool, seconds: float, names: list[str]) -> int:
    """Attack one device in every way; return how many attacks were noticed."""
    missed = 0
    print(f"{'https' if is_https else 'http'}:", flush=True)
    with (
        started(folder / "attacked", is_https=is_https) as device,
        started(folder / "other", is_https=is_https) as other,
    ):
        observers = Observer(device), Observer(other)
        attacked, usual = watch(observers, 5)
        print(f"  undisturbed, {attacked.pictures / usual.pictures:.0%} of the other's rate")
        for name in ATTACKS:
            if not names or any(part in name for part in names):
                missed += not any(holds(name, device, observers, seconds) for _ in range(TRIES))
        if device.process.poll() is not None or "Traceback" in device.log:
            missed += 1
            print(f"  MISSED: exit code {device.process.returncode}")
        print(f"  its log:\n{device.log}", end="")
    return missed


def tell_costs(folder: Path, *, is_https: bool, seconds: float, names: list[str]) -> None:
    """Tell how much of a processor core each attack takes from a paused device."""
    with started(folder / "paused", is_https=is_https) as device:
        assert device.ask("/api/pause", "POST")[0] == 200
        for name, plan in ATTACKS.items():
            if not names or any(part in name for part in names):
                with under(plan, device):
                    time.sleep(4)  # until the first burst is over
                    began_s, used_s = time.monotonic(), device.processor_s()
                    time.sleep(seconds)
                    used_s = device.processor_s() - used_s
                    share = used_s / (time.monotonic() - began_s)
                print(f"  {name:35} {share:6.1%} of a core", flush=True)


def main(names: list[str], schemes: list[str], seconds: float) -> int:
    """Return the exit code."""
    missed = 0
    for scheme in schemes:
        is_https = scheme == "https"
        with tempfile.TemporaryDirectory() as folder:
            missed += try_all(Path(folder), is_https=is_https, seconds=seconds, names=names)
    print(f"{missed} missed" if missed else "all held")
    return int(missed > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--scheme", dest="schemes", action="append", choices=("http", "https"))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--cost", action="store_true")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not without ending the device
    if given.cost:
        for scheme in given.schemes or ["http", "https"]:
            print(f"{scheme}:", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                how = {"seconds": given.seconds, "names": given.names}
                tell_costs(Path(folder), is_https=scheme == "https", **how)
        sys.exit(0)
    sys.exit(main(given.names, given.schemes or ["http", "https"], given.seconds))
