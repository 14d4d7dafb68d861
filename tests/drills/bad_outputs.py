"""Drills: an LED driver raises, an output or the log blocks, stdout is closed."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from drill import Lab, drill
from drilled import until
from drilled_process import HEARING

# `python -m edge`, whose simulated pins fail while a file exists, as lgpio's do without their chip.
_BROKEN_PINS = """
import errno, os, sys
from gpiozero.pins.mock import MockPWMPin
drive, broken = MockPWMPin._change_state, sys.argv.pop(1)
def fails_or_drives(pin, value):
    if os.path.exists(broken):
        raise OSError(errno.EIO, "Input/output error")
    return drive(pin, value)
MockPWMPin._change_state = fails_or_drives
from edge.__main__ import main
sys.exit(main())
"""


@drill(
    "the LED driver raises at each change of a pin, and works again later",
    "within 2 s the page shows leds as failing; inference and the stream go on; one line down and "
    "one back",
    is_short=True,
)
def led_driver_raises(lab: Lab) -> str:
    broken = lab.folder / "broken"
    device = lab.live(program=("-c", _BROKEN_PINS, str(broken)))
    until("the LEDs work", lambda: device.failing == [], 20, device)
    broken.touch()
    down_s = until("it is shown", lambda: "leds" in device.failing, lab.soon_s, device)
    assert device.is_well()
    broken.unlink()
    back_s = until("its end is shown", lambda: device.failing == [], 45, device)
    until("its end is logged", lambda: device.logged("output leds is back"), 5, device)
    assert device.logged("output leds") == 2, device.log
    assert device.end() == 0
    return f"shown after {down_s:.1f} s, back {back_s:.1f} s after the driver worked"


@drill(
    "the program that reads the device's stdout stops reading, so that the terminal output blocks; "
    "it reads again later",
    "the page shows terminal as failing once a line has blocked for 1.5 s; inference goes on; one "
    "line down and one back; SIGTERM ends it within 3 s while it blocks",
    is_short=True,
)
def output_blocks(lab: Lab) -> str:
    device = lab.device(before=(*HEARING, "sh", "-c", 'exec "$@" >"$0"', _pipe(lab.folder)))
    with (lab.folder / "pipe").open("rb", buffering=0) as reader:
        until("its camera is live", lambda: device.camera == "live", 60, device)
        _fill(lab.folder / "pipe")
        # It writes when a line changes, at most every three seconds.
        down_s = until("it is shown", lambda: device.failing == ["terminal"], 30, device)
        until("it is logged", lambda: device.logged("output terminal"), 5, device)
        assert device.is_well()
        reads = threading.Thread(target=_read_all, args=(reader,), daemon=True)
        reads.start()
        back_s = until("its end is shown", lambda: device.failing == [], 10, device)
        until("its end is logged", lambda: device.logged("output terminal is back"), 5, device)
        assert device.logged("output terminal") == 2, device.log
        began_s = time.monotonic()
        assert device.end() == 0
        ended_s = time.monotonic() - began_s
        reads.join(5)
    return f"shown {down_s:.0f} s after, back {back_s:.1f} s after; ended in {ended_s:.1f} s"


@drill(
    "the program that reads the device's log stops reading, while messages are logged; it reads "
    "again later",
    "a pause closes the camera and its end opens it within 2 s; inference goes on; the messages "
    "arrive later; SIGTERM ends it within 3 s while the log blocks",
    is_short=True,
)
def log_blocks(lab: Lab) -> str:
    device = lab.device(before=(*HEARING, "sh", "-c", 'exec "$@" 2>"$0"', _pipe(lab.folder)))
    with (lab.folder / "pipe").open("rb", buffering=0) as reader:
        until("its camera is live", lambda: device.camera == "live", 60, device)
        _fill(lab.folder / "pipe")
        device.ask("/api/pause", "POST")
        until("it is paused", lambda: device.camera == "paused", lab.soon_s, device)
        device.ask("/api/resume", "POST")
        back_s = until("it is live", lambda: device.camera == "live", lab.soon_s, device)
        assert device.is_well()
        received: list[bytes] = []
        reads = threading.Thread(target=lambda: received.extend(iter(reader.readline, b"")))
        reads.start()
        until("the messages arrive", lambda: b"INFO camera: paused\n" in received, 5, device)
        began_s = time.monotonic()
        assert device.end() == 0
        ended_s = time.monotonic() - began_s
        reads.join(5)
    return f"live {back_s:.1f} s after the pause; ended in {ended_s:.1f} s"


def _pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return str(folder / "pipe")


def _fill(pipe: Path) -> None:
    with suppress(BlockingIOError):
        descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 4096)
            while os.write(descriptor, b"\n"):
                pass
        finally:
            os.close(descriptor)


def _read_all(reader: IO[bytes]) -> None:
    while reader.read(65536):
        pass


@drill(
    "stdout is closed; is a full disk; is a pipe without a reader",
    "the device runs, all outputs but that one work, and nothing is written into its files",
)
def stdout_closed(lab: Lab) -> str:
    for number, where in enumerate((">&-", ">/dev/full", "> >(true)")):
        inside = ("bash", "-c", f'exec "$@" {where}', "bash")
        device = lab.live(f"device-{number}", before=(*HEARING, *inside))
        assert device.infers()
        assert set(device.failing) <= {"terminal"}
        assert "\n" not in device.code
        assert "Traceback" not in device.log, device.log
        assert device.end() == 0
    return "3 of 3 ran"
