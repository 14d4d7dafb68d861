"""Watches the board's temperature and throttling; on a hot board, inference does less."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge.config import ThermalConfig
from edge.datatypes import Vitals
from edge.system.board import ROOT, temperature_c, throttle

log = logging.getLogger(__name__)

_EVERY_S = 2.0  # as often as the kernel asks the firmware; two small reads each time
_COOLER_C = 5.0  # this far below hot_c the board counts as cool again
_CALM_S = 30.0  # a weak supply recovers under less load and fails again under full load


class ThermalMonitor:
    """Reads the vitals every two seconds at most; callable from any thread.

    The board counts as hot from `hot_c` on until it is 5 degrees below. It also counts as hot while
    the firmware throttles it, and for 30 s after that. Each change is logged once.
    """

    def __init__(
        self,
        config: ThermalConfig,
        root: Path = ROOT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hot_c = config.hot_c
        self._root = root
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at_s: float | None = None
        self._throttled_at_s: float | None = None
        self._vitals = Vitals()

    def vitals(self) -> Vitals:
        """Return the state of the board, at most two seconds old."""
        with self._lock:
            now_s = self._clock()
            if self._read_at_s is None or now_s - self._read_at_s >= _EVERY_S:
                self._read_at_s = now_s
                self._vitals = self._read(now_s)
            return self._vitals

    def _read(self, now_s: float) -> Vitals:
        celsius, bits = temperature_c(self._root), throttle(self._root)
        throttled = bool(bits and bits.now)
        if throttled:
            self._throttled_at_s = now_s
        hot = self._is_hot(celsius, now_s)
        if hot != self._vitals.hot:
            _tell(hot, celsius, bits.now.words() if bits else "")
        return Vitals(temperature_c=celsius, throttled=throttled, hot=hot)

    def _is_hot(self, celsius: float | None, now_s: float) -> bool:
        if self._throttled_at_s is not None and now_s - self._throttled_at_s < _CALM_S:
            return True
        limit_c = self._hot_c - (_COOLER_C if self._vitals.hot else 0.0)
        return celsius is not None and celsius >= limit_c


def _tell(hot: bool, celsius: float | None, why: str) -> None:
    reasons = ([] if celsius is None else [f"{celsius:.0f} C"]) + ([why] if why else [])
    state = ", ".join(reasons) or "unknown"
    if hot:
        log.warning("board: %s; inference does less until it has cooled", state)
    else:
        log.info("board: %s; inference does more again", state)
