"""Another address than the attacker's: what it notices of an attack."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from drilled import Drilled

OTHER = "127.0.0.2"


def healthz_s(device: Drilled) -> float:
    """Return how long it waits for an answer."""
    began_s = time.monotonic()
    device.request("/healthz", source=OTHER)  # 503 is one too: on a busy machine frames come late
    return time.monotonic() - began_s


def page_s(device: Drilled) -> float:
    """Return how long it takes to log in and to load the page."""
    began_s = time.monotonic()
    answer, _ = device.request("/", source=OTHER, Cookie=device.log_in(OTHER))
    assert answer.status == 200, answer.status
    return time.monotonic() - began_s


@dataclass(frozen=True)
class Noticed:
    """What the other address noticed in a while."""

    slowest_s: float
    page_s: float
    pictures: int


class Observer:
    """The other address: it watches a device, asks for its health, and loads its page."""

    def __init__(self, device: Drilled) -> None:
        self._device, self._viewer = device, device.watch(OTHER)
        self._slowest_s = self._page_s = 0.0
        self._before = 0

    def begin(self) -> None:
        self._slowest_s = self._page_s = 0.0
        self._before = self._viewer.frames

    def look(self) -> None:
        self._slowest_s = max(self._slowest_s, healthz_s(self._device))
        self._page_s = max(self._page_s, page_s(self._device))

    def noticed(self) -> Noticed:
        return Noticed(self._slowest_s, self._page_s, max(self._viewer.frames - self._before, 1))


def watch(observers: Sequence[Observer], seconds: float) -> list[Noticed]:
    """Return what each noticed in the same seconds."""
    ends_s = time.monotonic() + seconds
    for observer in observers:
        observer.begin()
    while time.monotonic() < ends_s:
        for observer in observers:
            observer.look()
        time.sleep(0.1)
    return [observer.noticed() for observer in observers]
