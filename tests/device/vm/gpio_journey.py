"""A real GPIO chip: LEDs by gpiozero's own lgpio, levels as the kernel tells them.

The service runs with the unit's settings, from the clone and unpacked wheels: an installation takes
an emulated arm64 machine most of an hour, and tests/device/run has it.
"""

from __future__ import annotations

import re

from board import KERNELS_LINE, MODEL
from chroot import ROOT
from pi import SETTINGS, Pi

_UNIT = "/etc/systemd/system/emotion-edge.service"
_START = "/usr/bin/python3 -B -m edge run"
_PATH = "Environment=PYTHONPATH=/share/site:/share/clone\n"
_LINE = re.compile(r" gpio-(\d+) +\(([^|]*)\|([^)]*)\) +(in|out) +(hi|lo)")
_RED, _GREEN, _BLUE, _STATUS, _PRIVACY = 0, 1, 2, 4, 5
_ALL = {_RED, _GREEN, _BLUE, _STATUS, _PRIVACY}
_LEDS = {
    "mode": "rgb",
    "status_pin": _STATUS,
    "privacy_pin": _PRIVACY,
    "rgb_pins": {"red": _RED, "green": _GREEN, "blue": _BLUE},
}
# As the service's user, with its groups.
_WALK = (
    "cd /run && exec setpriv --reuid=emotion-edge --regid=emotion-edge --init-groups "
    "env LG_WD=/tmp PYTHONPATH=/share/site:/share/clone python3 -B -m edge leds "
    f"--config {SETTINGS}"
)
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
    return now(pi).keys() & _ALL


def levels(pi: Pi, loop: str = "for _ in $(seq 45)") -> dict[int, set[str]]:
    """Return the levels that each line had while the loop ran."""
    seen: dict[int, set[str]] = {}
    read = f"{loop}; do cat /sys/kernel/debug/gpio; sleep 0.2; done 2>/dev/null"
    for text in pi.shell(read).split("gpiochip0:")[1:]:
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


def wiring_test_lights_each_line(pi: Pi) -> list[str]:
    seen = levels(pi, f"({_WALK}) > /run/walk 2>&1 & while kill -0 $!")
    told = pi.read("/run/walk").splitlines()
    assert all(seen.get(line) == {"hi", "lo"} for line in _ALL), (seen, told)
    assert not ours(pi), now(pi)
    return told


def pins_are_released_on_every_way_out(pi: Pi) -> list[str]:
    seen = []
    for signal in ("TERM", "INT", "HUP", "KILL"):
        pi.machine.begin("sh", "-c", f"echo $$ > /run/walk.pid; {_WALK} > /run/walk 2>&1")
        pi.wait_until(lambda: ours(pi) == _ALL, "lines held", 300)
        pi.shell(f"kill -s {signal} $(cat /run/walk.pid)")
        pi.wait_until(lambda: not ours(pi), f"released after SIG{signal}", 60)
        assert "Traceback" not in pi.read("/run/walk")
        seen.append(f"SIG{signal}: {now(pi)}")
    return seen


def pin_that_another_program_holds_is_one_line(pi: Pi) -> list[str]:
    pi.shell(f"systemd-run --unit=holder gpioset --mode=signal gpiochip0 {_GREEN}=1")
    held_by_program = refusal(pi)
    pi.shell("systemctl stop holder")
    pi.configure(leds={**_LEDS, "status_pin": KERNELS_LINE})
    held_by_kernel = refusal(pi)
    pi.configure(leds=_LEDS)
    return [held_by_program, held_by_kernel]


def refusal(pi: Pi) -> str:
    """Run the wiring test, which must fail, and return the line that it ends with."""
    result = pi.system.run("sh", "-c", _WALK)
    assert result.returncode == 1, result.stdout
    assert "Traceback" not in result.stdout, result.stdout
    assert not ours(pi) - {_GREEN}, now(pi)
    return result.stdout.splitlines()[-1]


def service_shows_the_mood(pi: Pi) -> list[str]:
    pi.restart()
    pi.wait_until_ready()
    face_s = pi.wait_for_face()
    seen = levels(pi)
    assert seen[_PRIVACY] == {"hi"}, seen
    assert seen[_STATUS] == {"hi", "lo"}, seen
    assert any("hi" in seen[line] for line in (_RED, _GREEN, _BLUE)), seen
    return [f"first labelled face after {face_s:.0f} s", f"{now(pi)}"]


def paused_camera_darkens_the_privacy_led(pi: Pi) -> None:
    pi.post("/api/pause")
    pi.wait_until(lambda: now(pi)[_PRIVACY][1] == "lo", "the privacy LED off", 60)
    pi.post("/api/resume")
    pi.wait_until(lambda: now(pi)[_PRIVACY][1] == "hi", "the privacy LED on", 120)


def service_that_ends_releases_its_pins(pi: Pi) -> None:
    for signal in ("TERM", "KILL"):
        pi.restart()
        pi.wait_until(lambda: ours(pi) == _ALL, "lines held", 300)
        pi.shell(f"systemctl kill --kill-whom=main --signal={signal} emotion-edge")
        pi.wait_until(lambda: not ours(pi), f"released after SIG{signal}", 60)


GPIO_STEPS = (
    service_is_set_up,
    wiring_test_lights_each_line,
    pins_are_released_on_every_way_out,
    pin_that_another_program_holds_is_one_line,
    service_shows_the_mood,
    paused_camera_darkens_the_privacy_led,
    service_that_ends_releases_its_pins,
)
