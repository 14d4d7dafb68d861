"""The whole device, in a process of its own, while its camera is pulled out."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

import pytest

ROOT = Path(__file__).parents[3]

# Runs the device on a camera that lines on its input unplug and plug back.
DEVICE = """
import logging, sys, threading
from functools import partial
from pathlib import Path
from edge.app import run_device
from edge.camera.auto import Hardware
from edge.camera.fake_v4l2 import FakeUsbCamera
from edge.camera.v4l2 import V4l2Camera
from edge.config import load_layers
from edge.errors import EdgeError

logging.basicConfig(level=logging.INFO)
usb = FakeUsbCamera(0, fps=30)

def obey():
    for line in sys.stdin:
        {"unplug": usb.unplug, "plug": usb.plug_back}[line.strip()]()

threading.Thread(target=obey, daemon=True).start()
try:
    run_device(
        load_layers(Path(sys.argv[1])),
        terminal=sys.stdout,
        announce=lambda served: print("SERVED", served.urls[0], flush=True),
        hardware=Hardware(open_usb=partial(V4l2Camera, open_capture=usb.open)),
    )
except EdgeError as exc:
    sys.exit(f"emotion-edge: {exc}")
"""


class Device:
    """The process, its address and what it wrote at its end."""

    def __init__(self, folder: Path, give_up_s: float) -> None:
        settings = folder / "my.toml"
        settings.write_text(
            f'[camera]\nsource = "v4l2:0"\ngive_up_s = {give_up_s}\n'
            f'[web]\nport = 0\nauth = "none"\n[state]\nfolder = "{folder}"\n'
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", DEVICE, str(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self.process.stdout is not None
        self.url = next(
            line.split()[1]
            for line in iter(self.process.stdout.readline, "")
            if line.startswith("SERVED")
        )

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def says(self, state: str) -> bool:
        """Whether /healthz answers "ok", or with 503 and that state."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.read() == b"ok\n" and state == "live")
        except HTTPError as refusal:
            with refusal:
                return refusal.read().decode().startswith(f"{state}:")

    def seconds_until(self, state: str, within_s: float = 30.0) -> float:
        start_s = time.monotonic()
        while not self.says(state):
            assert time.monotonic() - start_s < within_s, f"not {state} within {within_s} s"
            time.sleep(0.02)
        return time.monotonic() - start_s


@contextmanager
def running(folder: Path, give_up_s: float) -> Iterator[Device]:
    device = Device(folder, give_up_s)
    try:
        yield device
    finally:
        device.process.kill()
        device.process.communicate()


def unplug_and_plug_back(device: Device, away_s: float) -> tuple[float, float]:
    """Return the seconds until the loss showed, and from plugging back until it was live."""
    device.tell("unplug")
    start_s = time.monotonic()
    lost_s = device.seconds_until("lost")
    time.sleep(max(away_s - (time.monotonic() - start_s), 0))
    device.tell("plug")
    return lost_s, device.seconds_until("live")


@pytest.mark.parametrize("away_s", [3.0])
def test_a_camera_away_for_a_while_comes_back_in_the_same_process(
    tmp_path: Path, away_s: float
) -> None:
    with running(tmp_path, give_up_s=60) as device:
        device.seconds_until("live")
        lost_s, back_s = unplug_and_plug_back(device, away_s)
        print(f"away for {away_s:g} s: lost after {lost_s:.2f} s, live {back_s:.2f} s after")
        assert lost_s < 2
        assert back_s < 5
        assert device.process.poll() is None


@pytest.mark.parametrize("give_up_s", [3.0])
def test_a_camera_away_for_too_long_ends_the_process_for_systemd(
    tmp_path: Path, give_up_s: float
) -> None:
    with running(tmp_path, give_up_s) as device:
        device.seconds_until("live")
        device.tell("unplug")
        start_s = time.monotonic()
        _, written = device.process.communicate(timeout=give_up_s + 30)
        print(f"ended {time.monotonic() - start_s:.1f} s after unplugging")
        assert device.process.returncode == 1
    last = written.splitlines()[-1]
    assert last.startswith("emotion-edge: USB camera 0")
    assert f"no frame for {give_up_s:.0f} s" in last
    assert written.count("trying again") == 1
    assert "Traceback" not in written
