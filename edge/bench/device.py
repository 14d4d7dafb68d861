"""Starts the device on the demo scene in a process of its own: its start-up time and its memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.config import Config, to_toml
from edge.errors import ResourceError

_LABELLED = re.compile(r"first labelled face after ([0-9.]+) s")
_CODE = Path(__file__).resolve().parents[2]  # the same program, from whatever folder it is run
_START_S = 60.0
_END_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRun:
    """From the start to the first labelled face, and the most resident memory of the process."""

    first_label_s: float
    peak_mb: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"first_label_s": self.first_label_s, "peak_mb": round(self.peak_mb, 1)}


def run_once(config: Config, seconds: float) -> DeviceRun:
    """Run the device for `seconds` after its first labelled face. Raises ResourceError."""
    with tempfile.TemporaryDirectory(prefix="emotion-edge-bench-") as folder:
        settings = Path(folder) / "bench.toml"
        settings.write_text(to_toml(config), "utf-8")
        command = [sys.executable, "-m", "edge", "run", "--config", str(settings)]
        options = ["--source", "demo", "--host", "127.0.0.1", "--port", "0", "--leds", "off"]
        device = subprocess.Popen(  # noqa: S603 (this program itself)
            [*command, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "STATE_DIRECTORY": folder, "PYTHONPATH": str(_CODE)},
        )
        try:
            return _observed(device, seconds)
        finally:
            device.send_signal(signal.SIGTERM)
            try:
                device.wait(_END_S)
            except subprocess.TimeoutExpired:
                device.kill()
                device.wait()


def _observed(device: subprocess.Popen[str], seconds: float) -> DeviceRun:
    guard = threading.Timer(_START_S, device.kill)
    guard.daemon = True
    guard.start()
    said = []
    for line in device.stderr or ():
        said.append(line.strip())
        if found := _LABELLED.search(line):
            guard.cancel()
            threading.Event().wait(seconds)
            return DeviceRun(first_label_s=float(found[1]), peak_mb=_peak_mb(device.pid))
    guard.cancel()
    last = said[-1] if said else "no message"
    raise ResourceError(f"bench: the device did not show a face within {_START_S:g} s: {last}")


def _peak_mb(pid: int) -> float:
    """Return the most resident memory of a process so far, 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / 1e6 if found else 0.0
