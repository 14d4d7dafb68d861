"""Ends a running device by signals, once or twice, and tells how it went."""

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# The tests may run below `nohup` or a shell's `&`, and what ignores a signal hands that on.
HEARING = ("env", "--default-signal=INT", "--default-signal=HUP")


@dataclass(kw_only=True)
class Device:
    """`emotion-edge run` on the demo scene, which keeps its history in `folder`."""

    folder: Path
    before: tuple[str, ...] = HEARING
    lines: list[str] = field(default_factory=list)
    seconds_seen: float = 0.0

    def __post_init__(self) -> None:
        settings = self.folder / "my.toml"
        settings.write_text(
            '[camera]\nsource = "demo"\n[web]\nport = 0\nauth = "none"\n[history]\nkeep = "disk"\n'
            '[leds]\nmode = "per_emotion"\nfactory = "mock"\n[button]\nmode = "off"\n'
            f'[state]\nfolder = "{self.folder}"\n'
        )
        self.process = subprocess.Popen(
            [*self.before, sys.executable, "-m", "edge", "run", "--config", str(settings)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        )
        self.began_s = time.monotonic()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line)

    def says(self, pattern: str, within_s: float = 60.0) -> re.Match[str]:
        """Wait for a line that the pattern is found in."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            for line in tuple(self.lines):
                if found := re.search(pattern, line):
                    return found
            time.sleep(0.01)
        raise AssertionError(f"no line like {pattern!r} in {within_s} s: {self.lines}")

    def end(self, *numbers: int, gap_s: float = 0.0) -> float:
        """Send the signals and return the seconds from the first one to the end.

        One that does not end within 20 s is aborted, and its last lines are its threads' stacks.
        """
        start_s = time.monotonic()
        for number in numbers:
            os.kill(self.process.pid, number)  # a zombie takes it, too
            if number is not numbers[-1]:
                time.sleep(gap_s)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait(20)
        took_s = time.monotonic() - start_s
        self._reader.join(5)
        return took_s

    def kill(self) -> None:
        """End it if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)

    def seconds_kept(self) -> float:
        """Return how much of what was seen is on disk."""
        if not (file := self.folder / "history.sqlite3").exists():
            return 0.0
        with closing(sqlite3.connect(file)) as db:
            return float(db.execute("SELECT total(watched_s) FROM minutes").fetchone()[0])


def ended(folder: Path, *numbers: int, gap_s: float, when: Callable[[Device], None]) -> list[str]:
    """Return what is wrong with how a device ends, if anything."""
    device = Device(folder=folder)
    try:
        when(device)
        took_s = device.end(*numbers, gap_s=gap_s)
    finally:
        device.kill()
    told = "".join(device.lines)
    ran = "first frame" in told
    code, kept_s = device.process.returncode, device.seconds_kept()
    early = {0, *(128 + number for number in numbers), *(-number for number in numbers)}
    faults = {
        f"ended after {took_s:.1f} s": took_s > 3.0,
        f"exit code {code}": code != 0 if ran else code not in early,
        f"told {told!r}": "Traceback" in told or "WARNING" in told,
        f"of {device.seconds_seen} s {kept_s:.2f} s are kept": kept_s < device.seconds_seen - 0.1,
    }
    return [fault for fault, holds in faults.items() if holds]


def after(pause_s: float) -> Callable[[Device], None]:
    """Return what waits so long from the moment on at which the program hears signals.

    Before that it is Python that starts, whose answer to Ctrl-C is not ours.
    """

    def while_it_starts(device: Device) -> None:
        caught = re.compile(r"^SigCgt:\s*(\w+)$", re.MULTILINE)
        status = Path(f"/proc/{device.process.pid}/status")
        terminates = 1 << (signal.SIGTERM - 1)
        while not ((found := caught.search(status.read_text())) and int(found[1], 16) & terminates):
            time.sleep(0.002)
        time.sleep(pause_s)

    return while_it_starts


def while_it_runs(device: Device) -> None:
    """Wait until there is something to lose."""
    url = device.says(r"http://\S+").group()
    deadline_s = time.monotonic() + 60.0
    while device.seconds_seen < 0.3 and time.monotonic() < deadline_s:
        time.sleep(0.05)
        with urllib.request.urlopen(f"{url}/api/history", timeout=10) as answer:
            minutes = json.load(answer)["minutes"]
        device.seconds_seen = sum(minute["watched_s"] for minute in minutes)
    assert device.seconds_seen, device.lines


def attempts(
    folder: Path, kinds: Sequence[tuple[int, int]], number: int, seed: int = 1
) -> Iterator[tuple[str, list[str]]]:
    """Yield for each double signal what it was, and what was wrong with the end.

    The pairs of signals take turns. Three quarters are sent while the device runs, the others at
    any moment of its start.
    """
    chance = random.Random(seed)  # noqa: S311 (moments, not secrets)
    for attempt in range(number):
        own = folder / str(attempt)
        own.mkdir()
        pair = kinds[attempt % len(kinds)]
        gap_s, after_s = chance.uniform(0, 0.5), chance.uniform(0, 2.5)
        starts = attempt // len(kinds) % 4 == 3
        wrong = ended(own, *pair, gap_s=gap_s, when=after(after_s) if starts else while_it_runs)
        names = "+".join(signal.Signals(one).name for one in pair)
        moment = f"{after_s:.2f} s after its start" if starts else "while it runs"
        yield f"{attempt}: {names}, {gap_s:.2f} s apart, {moment}", wrong
