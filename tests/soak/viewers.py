"""Viewers that come and go: pages, streams, events, histories and images, from other addresses."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from contextlib import suppress

from soaked import Device

_WATCHED = ("/stream.mjpg", "/events")
_READ = (
    "/",
    "/static/page.js",
    "/snapshot.jpg",
    "/api/history?hours=24",
    "/api/history?seconds=600",
    "/api/history.csv?days=7",
    "/metrics",
)
_STAYS_S = (3.0, 30.0)


class Viewers:
    """Three viewers, each of which does one thing after the other."""

    def __init__(self, device: Device, seed: int, *, group: int) -> None:
        """`group` is in their addresses: no two groups share one."""
        self.visits = 0
        self._device = device
        self._over = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._come_and_go, args=(f"127.0.{group}.{10 + number}", seed + number)
            )
            for number in range(3)
        ]
        for thread in self._threads:
            thread.start()

    def leave(self) -> None:
        """Begin no more visits, and end the present ones soon."""
        self._over.set()

    def close(self) -> None:
        """End all visits."""
        self.leave()
        for thread in self._threads:
            thread.join()

    def _come_and_go(self, source: str, seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311 (a person's choices)
        while not self._over.wait(rng.uniform(0.2, 3.0)):
            path = rng.choice(_WATCHED if rng.random() < 0.6 else _READ)
            with suppress(OSError):  # the device may refuse it: it is under attack as well
                self._visit(path, source, rng)
            self.visits += 1

    def _visit(self, path: str, source: str, rng: random.Random) -> None:
        ends_s = time.monotonic() + rng.uniform(*_STAYS_S)
        with self._device.ask(path, source) as client:
            if rng.random() < 0.5:  # half of them leave without a goodbye
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            while time.monotonic() < ends_s and not self._over.is_set():
                if not client.recv(65536):
                    return
