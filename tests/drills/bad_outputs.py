"""Drills: an LED driver raises, an output or the log blocks, stdout is closed."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from drill import Lab, drill
from drilled import Drilled, until
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
    with _behind_a_pipe(lab, stream=1) as (device, pipe):
        pipe.fill()
        # It writes when a line changes, at most every three seconds.
        down_s = until("it is shown", lambda: device.failing == ["terminal"], 30, device)
        until("it is logged", lambda: device.logged("output terminal"), 5, device)
        assert device.is_well()
        with pipe.read():
            back_s = until("its end is shown", lambda: device.failing == [], 10, device)
            until("its end is logged", lambda: device.logged("output terminal is back"), 5, device)
        assert device.logged("output terminal") == 2, device.log
        pipe.fill()
        ended_s = _ended(device, lab.soon_s + 1)
    return f"shown {down_s:.0f} s after, back {back_s:.1f} s after; ended in {ended_s:.1f} s"


@drill(
    "the program that reads the device's log stops reading, while messages are logged; it reads "
    "again later",
    "a pause closes the camera and its end opens it within 2 s; inference goes on; the messages "
    "arrive later; SIGTERM ends it within 3 s while the log blocks",
    is_short=True,
)
def log_blocks(lab: Lab) -> str:
    with _behind_a_pipe(lab, stream=2) as (device, pipe):
        pipe.fill()
        device.ask("/api/pause", "POST")
        until("it is paused", lambda: device.camera == "paused", lab.soon_s, device)
        device.ask("/api/resume", "POST")
        back_s = until("it is live", lambda: device.camera == "live", lab.soon_s, device)
        assert device.is_well()
        with pipe.read() as received:
            until("they arrive", lambda: b"INFO camera: paused\n" in received, 5, device)
        pipe.fill()
        device.ask("/api/pause", "POST")  # its message waits when the device ends
        ended_s = _ended(device, lab.soon_s + 1)
    return f"live {back_s:.1f} s after the pause; ended in {ended_s:.1f} s"


class _Pipe:
    """A named pipe whose reader reads only during `read`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def fill(self) -> None:
        """Leave no room in it: a program that writes to it waits."""
        with suppress(BlockingIOError):
            descriptor = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 4096)
                while os.write(descriptor, b"\n"):
                    pass
            finally:
                os.close(descriptor)

    @contextmanager
    def read(self) -> Iterator[bytearray]:
        """Read on a thread of its own; yield all that was received so far."""
        received, over = bytearray(), threading.Event()

        def work() -> None:
            while not over.wait(0.01):
                with suppress(BlockingIOError):
                    received.extend(os.read(self._reader, 65536))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield received
        finally:
            over.set()
            thread.join()

    def close(self) -> None:
        os.close(self._reader)


@contextmanager
def _behind_a_pipe(lab: Lab, *, stream: int) -> Iterator[tuple[Drilled, _Pipe]]:
    """Start a device whose stdout or stderr, 1 or 2, is a pipe; wait for its camera."""
    with closing(_Pipe(lab.folder / "pipe")) as pipe:
        inside = ("sh", "-c", f'exec "$@" {stream}>"$0"', str(pipe.path))
        with pipe.read():
            device = lab.live(before=(*HEARING, *inside))
        yield device, pipe


def _ended(device: Drilled, within_s: float) -> float:
    """End the device, and return how many seconds its end took."""
    began_s = time.monotonic()
    assert device.end() == 0
    ended_s = time.monotonic() - began_s
    assert ended_s <= within_s, ended_s
    return ended_s


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
