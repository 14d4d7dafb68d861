"""The state of the camera, and one sentence about it. No I/O here: times are arguments."""

from __future__ import annotations

from dataclasses import dataclass

from edge.config import CameraConfig
from edge.datatypes import CameraState, Pause
from edge.errors import CameraError, CameraStalled

# A camera that is not closed after this long is reported.
CLOSING_S = 2.0


@dataclass(frozen=True, slots=True)
class CameraFault:
    """A camera error: its text, and whether an open camera only delivered nothing."""

    text: str
    is_stall: bool = False

    @classmethod
    def of(cls, error: CameraError) -> CameraFault:
        """Return what is kept of `error`, without the frames that its traceback holds."""
        return cls(str(error), isinstance(error, CameraStalled))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is known of the camera called `name`.

    `pausing_for_s` is the time since a pause was requested, None without one, and `pause` its
    reason; `on` whether the camera may be open; `age_s` the age of the newest finished frame, None
    before the first; `silent_s` the time since one was finished; `fault` the last camera error, if
    any; `arrived_s` the time since this opening delivered a frame, None before the first.
    """

    name: str
    pausing_for_s: float | None
    on: bool
    age_s: float | None
    silent_s: float
    fault: CameraFault | None
    arrived_s: float | None = None
    pause: Pause | None = None

    def delivers(self, within_s: float) -> bool:
        """Whether the camera works, and what comes after it does not."""
        return self.fault is None and self.arrived_s is not None and self.arrived_s <= within_s


def condition(signs: Signs, config: CameraConfig) -> tuple[CameraState, str]:
    """Return the camera's state and the reason for it, "" while it is live."""
    if signs.pausing_for_s is not None:
        return _pausing(signs, signs.pausing_for_s)
    if signs.age_s is not None and signs.age_s <= config.stall_s:
        return CameraState.LIVE, ""
    if signs.fault:
        return CameraState.LOST, signs.fault.text
    if signs.age_s is None and signs.silent_s <= config.give_up_s:
        return CameraState.STARTING, "waiting for the first frame"
    error = f"no frame for {signs.silent_s:.0f} s"
    if signs.age_s is not None and signs.silent_s <= config.stall_s:
        error = f"frames arrive {signs.age_s:.1f} s late"  # the machine is too busy
    elif signs.delivers(config.stall_s):
        error = _unfinished(signs.silent_s)
    return CameraState.LOST, f"{signs.name}: {error}"


def _pausing(signs: Signs, for_s: float) -> tuple[CameraState, str]:
    if not signs.on:
        return CameraState.PAUSED, f"the camera is closed{_reason(signs.pause)}"
    if for_s <= CLOSING_S:
        return CameraState.PAUSING, "the camera is closing"
    return CameraState.PAUSING, f"{signs.name}: does not close; unplug it to be sure"


def _reason(pause: Pause | None) -> str:
    if pause is None or pause.by == "person":
        return ""
    if pause.by == "schedule":
        return f" until {pause.until}, as scheduled"
    return ": the schedule needs the time of day, and the clock is not set"


def given_up(signs: Signs, config: CameraConfig) -> str:
    """Return why the run ends: the camera's name and its last error, or that it works."""
    if signs.delivers(config.stall_s):
        return (
            f"{signs.name}: {_unfinished(config.give_up_s)}; this machine is too busy or too slow: "
            "close other programs, see `emotion-edge bench`"
        )
    known = ""
    if signs.fault and not signs.fault.is_stall:
        known = f" ({signs.fault.text.removeprefix(f'{signs.name}: ')})"
    silence = f"no frame for {config.give_up_s:.0f} s"
    advice = "check that it exists and is whole" if is_file(config) else "check the camera's cable"
    return f"{signs.name}: {silence}{known}; {advice}"


def _unfinished(for_s: float) -> str:
    return f"delivers frames, and none was processed for {for_s:.0f} s"


def is_network(config: CameraConfig) -> bool:
    """Whether the source is a network camera."""
    return config.source.startswith(("rtsp:", "http:", "https:"))


def is_file(config: CameraConfig) -> bool:
    """Whether the source is a file or a folder of images."""
    return config.source.startswith(("file:", "images:"))
