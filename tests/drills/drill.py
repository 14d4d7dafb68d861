"""What a drill is: a fault, a promise, and the act that tries both; the list of all."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from drilled import Drilled, until


@dataclass
class Lab:
    """Where one drill runs: its folder, its chance, and how long a person waits to be told."""

    folder: Path
    times: int = 1
    soon_s: float = 2.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311
    devices: list[Drilled] = field(default_factory=list)

    def device(self, name: str = "device", **how: Any) -> Drilled:
        """Start a device in the folder `name`."""
        self.devices.append(Drilled(self.folder / name, **how))
        return self.devices[-1]

    def live(self, name: str = "device", **how: Any) -> Drilled:
        """Start a device and wait until its camera is live."""
        device = self.device(name, **how)
        until("its camera is live", lambda: device.camera == "live", 90, device)
        return device

    def close(self) -> None:
        """End the devices that still run."""
        for device in self.devices:
            with suppress(OSError):
                device.kill()


Act = Callable[[Lab], str]


@dataclass(frozen=True, kw_only=True)
class Drill:
    """One row of docs/reliability.md; `act` returns what was seen, or raises AssertionError."""

    name: str
    injected: str
    promised: str
    act: Act
    is_short: bool


DRILLS: list[Drill] = []


def drill(injected: str, promised: str, *, is_short: bool = False) -> Callable[[Act], Act]:
    """Add a function to the list. A short one also runs with the tests."""

    def add(act: Act) -> Act:
        name = act.__name__.replace("_", "-")
        DRILLS.append(
            Drill(name=name, injected=injected, promised=promised, act=act, is_short=is_short)
        )
        return act

    return add


def left_out(reason: str) -> NoReturn:
    """End a drill that this machine cannot run."""
    pytest.skip(reason)
