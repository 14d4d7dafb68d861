"""A real GPIO chip: LEDs by gpiozero's own lgpio, levels as the kernel tells them.

The service runs with the unit's settings, from the clone and unpacked wheels: an installation takes
an emulated arm64 machine most of an hour, and tests/device/run has it.
"""

from __future__ import annotations

import re
import time

from board import KERNELS_LINE, MODEL
from chroot import ROOT
from pi import Pi

_UNIT = "/etc/systemd/system/emotion-edge.service"
_START = "/usr/bin/python3 -B -m edge run"
_PATH = "Environment=PYTHONPATH=/share/site:/share/clone\n"
_LINE = re.compile(r" gpio-(\d+) +\(([^|]*)\|([^)]*)\) +(in|out) +(hi|lo)")
_RED, _GREEN, _BLUE, _STATUS, _PRIVACY = 0, 1, 2, 4, 5
_LEDS = {
    "mode": "rgb",
    "status_pin": _STATUS,
    "privacy_pin": _PRIVACY,
    "rgb_pins": {"red": _RED, "green": _GREEN, "blue": _BLUE},
}
_SAMPLE = "for _ in $(seq 30); do cat /sys/kernel/debug/gpio; sleep 0.2; done"

Held = dict[int, tuple[str, str]]
"""Who holds a line, and its level."""


def held(text: str) -> Held:
    """Return the lines that are held, counted from the chip's first."""
    base = int(re.findall(r"GPIOs (\d+)-", text)[0])
    found = _LINE.findall(text)
    return {int(n) - base: (who.strip(), level) for n, _, who, _, level in found}


def now(pi: Pi) -> Held:
    return held(pi.read("/sys/kernel/debug/gpio"))


def ours(pi: Pi) -> set[int]:
    """Return the lines that the service holds."""
    return now(pi).keys() & {_RED, _GREEN, _BLUE, _STATUS, _PRIVACY}


def levels(pi: Pi) -> dict[int, set[str]]:
    """Return the levels that each line had in a while."""
    seen: dict[int, set[str]] = {}
    for text in pi.shell(_SAMPLE).split("gpiochip0:")[1:]:
        for line, (_, level) in held(f"gpiochip0:{text}").items():
            seen.setdefault(line, set()).add(level)
    return seen


def service_is_set_up(pi: Pi) -> list[str]:
    pi.share()
    assert pi.read("/proc/device-tree/model").startswith(MODEL)
    pi.shell("useradd --system --user-group --home-dir /var/lib/emotion-edge emotion-edge")
    pi.shell("usermod -aG video,gpio emotion-edge && ls -l /dev/gpiochip0")
    unit = (ROOT / "systemd/emotion-edge.service").read_text()
    unit = unit.replace("/opt/emotion-edge/current/bin/emotion-edge run", _START)
    pi.write(_UNIT, unit.replace("Environment=", f"{_PATH}Environment=", 1))
    pi.configure(leds=_LEDS)
    pi.shell("chgrp emotion-edge /etc/emotion-edge/config.toml && systemctl daemon-reload")
    return [pi.shell("gpioinfo").strip()]


def leds_change_the_lines(pi: Pi) -> list[str]:
    pi.restart()
    pi.wait_for(ActiveState="active", StatusText="watching: demo scene")
    seen = levels(pi)
    assert seen[_PRIVACY] == {"hi"}, seen
    assert seen[_STATUS] == {"hi", "lo"}, seen
    face_s = pi.wait_for_face()
    seen = levels(pi)
    assert any("hi" in seen[line] for line in (_RED, _GREEN, _BLUE)), seen
    return [f"{now(pi)}", f"first labelled face after {face_s:.0f} s"]


def paused_camera_darkens_the_privacy_led(pi: Pi) -> None:
    pi.post("/api/pause")
    pi.wait_until(lambda: now(pi)[_PRIVACY][1] == "lo", "the privacy LED off", 60)
    pi.post("/api/resume")
    pi.wait_until(lambda: now(pi)[_PRIVACY][1] == "hi", "the privacy LED on", 120)


def pins_are_released_on_every_way_out(pi: Pi) -> list[str]:
    seen = []
    for signal in ("TERM", "INT", "KILL", "ABRT"):
        assert len(ours(pi)) == 5, now(pi)
        pi.shell(f"systemctl kill --kill-whom=main --signal={signal} emotion-edge")
        pi.wait_until(lambda: not ours(pi), f"released after SIG{signal}", 60)
        seen.append(f"SIG{signal}: {pi.shell('gpioinfo').count('unused')} of 8 lines unused")
        pi.shell("systemctl reset-failed emotion-edge; systemctl restart emotion-edge")
        pi.wait_for(ActiveState="active", StatusText="watching: demo scene")
        time.sleep(1)
    return seen


def pin_that_another_program_holds_is_one_line(pi: Pi) -> list[str]:
    pi.shell("systemctl stop emotion-edge")
    pi.shell(f"systemd-run --unit=holder gpioset --mode=signal gpiochip0 {_GREEN}=1")
    told = refusal(pi)
    pi.shell("systemctl stop holder")
    pi.configure(leds={**_LEDS, "status_pin": KERNELS_LINE})
    kernels = refusal(pi)
    pi.configure(leds=_LEDS)
    return [told, kernels]


def refusal(pi: Pi) -> str:
    """Start the service and return the line that it ends with."""
    began = len(pi.journal().splitlines())
    pi.restart()
    pi.wait_until(lambda: "emotion-edge: " in new_lines(pi, began), "a line", 300)
    pi.shell("systemctl stop emotion-edge")
    lines = new_lines(pi, began)
    assert "Traceback" not in lines, lines
    return next(line for line in lines.splitlines() if line.startswith("emotion-edge: "))


def new_lines(pi: Pi, began: int) -> str:
    return "\n".join(pi.journal().splitlines()[began:])


GPIO_STEPS = (
    service_is_set_up,
    leds_change_the_lines,
    paused_camera_darkens_the_privacy_led,
    pins_are_released_on_every_way_out,
    pin_that_another_program_holds_is_one_line,
)
