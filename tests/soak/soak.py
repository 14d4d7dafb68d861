#!/usr/bin/env python3
"""Runs the whole device for an hour with viewers that come and go and a fault every 20 s.

    .venv/bin/python tests/soak/soak.py [--minutes 60] [--out soak] [--seed N]

By hand, on a quiet machine. The device is a process of its own with the unit's environment, a
network camera that sends the demo's frames, simulated LEDs, history on disk, a hook, and the real
Mosquitto. Each second its anonymous memory, threads, descriptors, frame rate and ages are written
down. Printed is each promise, what was found, and whether it was held; OUT.json has all samples,
OUT.png the plot (needs matplotlib) and OUT.log the device's log. The first 10 minutes are a
warm-up, or a fifth of a shorter run: with twice the viewers and four times the faults, so that the
heap meets the most that it needs at once. Exits with 1 when a promise was not held.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/edge")]

from faults import Faults, Happened, World  # noqa: E402 (behind the paths that they need)
from filming import Camera  # noqa: E402
from judged import Ending, Promise, Sample, as_json, promises  # noqa: E402
from mosquitto import Mosquitto  # noqa: E402
from plotted import plot  # noqa: E402
from soaked import Device  # noqa: E402
from viewers import Viewers  # noqa: E402

EVERY_S, EVERY_IN_WARM_UP_S = 20.0, 5.0
WARM_UP_S = 600.0


def sample(device: Device, began_s: float) -> Sample:
    """Measure the device once."""
    at_s = time.monotonic() - began_s
    try:
        status = device.status()
    except (OSError, ValueError):
        status = {"health": {}}
    return Sample(
        at_s=at_s,
        **device.resources(),
        load=os.getloadavg()[0],
        fps=status["health"].get("fps"),
        age_ms=status["health"].get("age_ms"),
        shown_age_ms=status.get("picture_age_ms"),
    )


def soak(
    folder: Path, minutes: float, warm_up_s: float, seed: int
) -> tuple[list[Sample], list[Happened], Ending]:
    """Run the device for so long; return what was measured."""
    samples: list[Sample] = []
    with ExitStack() as opened:
        camera = Camera()
        opened.callback(camera.close)
        broker = Mosquitto(folder)
        broker.start()
        opened.callback(broker.kill)
        device = Device(folder, camera.address, broker.port)
        opened.callback(device.process.kill)
        began_s = time.monotonic()
        world = World(device=device, camera=camera, broker=broker)
        viewers, crowd = Viewers(device, seed, group=1), Viewers(device, seed + 10, group=2)
        faults = Faults(world, every_s=EVERY_IN_WARM_UP_S, seed=seed, began_s=began_s)
        try:
            while time.monotonic() < began_s + minutes * 60 and device.process.poll() is None:
                samples.append(sample(device, began_s))
                tell(samples)
                if samples[-1].at_s >= warm_up_s:
                    crowd.leave()
                    faults.every_s = EVERY_S
                time.sleep(max(began_s + len(samples) - time.monotonic(), 0))
        finally:
            faults.close()
            for group in (viewers, crowd):
                group.close()
        exit_code = device.end()
    visits = viewers.visits + crowd.visits
    print(f"{visits} visits, {len(faults.happened)} faults", *faults.failures, sep="\n")
    ending = Ending(
        exit_code=exit_code,
        log=device.log(),
        history=checked(device.state / "history.sqlite3"),
        watchdog_s=device.watchdog.longest_s,
        failures=faults.failures,
    )
    return samples, faults.happened, ending


def tell(samples: list[Sample]) -> None:
    """Print every minute how it goes."""
    if len(samples) % 60 == 1:
        print(samples[-1], flush=True)


def checked(path: Path) -> str:
    """Return what SQLite says of the history."""
    if not path.exists():
        return f"{path.name} is missing"
    with closing(sqlite3.connect(path)) as db:
        return str(db.execute("PRAGMA integrity_check").fetchone()[0])


def report(
    out: Path, samples: list[Sample], happened: list[Happened], ending: Ending, warm_up_s: float
) -> list[Promise]:
    """Write the files; return the promises."""
    judged = promises(samples, happened, ending, warm_up_s)
    Path(f"{out}.json").write_text(json.dumps(as_json(samples, happened, judged)))
    Path(f"{out}.log").write_text(ending.log)
    try:
        plot(Path(f"{out}.png"), samples, happened)
    except ModuleNotFoundError as exc:
        print(f"no plot: {exc}")
    return judged


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=Path("soak"))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    warm_up_s = min(WARM_UP_S, given.minutes * 12)
    with tempfile.TemporaryDirectory() as folder:
        measured = soak(Path(folder), given.minutes, warm_up_s, given.seed)
    judged = report(given.out, *measured, warm_up_s)
    for promise in judged:
        print(f"{'held  ' if promise.is_held else 'MISSED'} {promise.name}: {promise.found}")
    return int(not all(promise.is_held for promise in judged))


if __name__ == "__main__":
    sys.exit(main())
