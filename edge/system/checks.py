"""The doctor's checks of the machine.

Files are read below `root`, and commands are run by a function that is passed in, so that a test
can provide a machine. No check needs root.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from edge.config import WebConfig
from edge.config.hostnames import is_loopback
from edge.files import lines_of
from edge.system.board import Throttle, parsed_throttle, temperature_c, throttle
from edge.system.diagnostics import Finding, failed, passed, warned

Run = Callable[[Sequence[str]], str]
"""Runs a command and returns its output, "" when it fails or does not exist."""

SERVICE_USER = "emotion-edge"
"""The user that install.sh creates to run the service."""

_PI_ARCHIVE = "archive.raspberrypi."
"""In apt's sources on Raspberry Pi OS."""

_PI_PACKAGES = {"picamera2", "lgpio"}
"""The packages that no other archive has."""

_DEVICES = {"video": "video*", "gpio": "gpiochip*"}
"""The devices in /dev of each group."""

_SAME_TIME_S = 60.0  # by which two clocks that show the same time may differ
_LITTLE_MB, _TOO_LITTLE_MB = 500, 50


class User(NamedTuple):
    """The user that runs the doctor: the name, the number, and the numbers of all groups."""

    name: str
    uid: int
    gids: frozenset[int]


def check_system(machine: str, bits: int) -> Finding:
    """Check for a 64-bit system; a 64-bit kernel may run a 32-bit one."""
    if bits == 64:
        return passed("system", f"{machine}, 64-bit")
    return failed("system", f"{machine} with {bits}-bit programs", "system")


def check_packages(
    root: Path, versions: Mapping[str, str | None], needed: Collection[str]
) -> Finding:
    """List the versions; a missing package in `needed` is a failure."""
    known = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    missing = [name for name, version in versions.items() if not version and name in needed]
    if not missing:
        return passed("packages", known)
    message = f"no {', no '.join(missing)}; {known}"
    return failed("packages", message, remedy_without(root, missing))


def remedy_without(root: Path, missing: Iterable[str]) -> str:
    """Return what helps on this system against missing packages, a key of REMEDIES."""
    if _has_pi_archive(root):
        return "pi-packages"
    return "raspberry-pi-os" if _PI_PACKAGES & set(missing) else "packages"


def _has_pi_archive(root: Path) -> bool:
    sources = (root / "etc/apt/sources.list", *(root / "etc/apt/sources.list.d").glob("*.*"))
    return any(_PI_ARCHIVE in line for path in sources for line in lines_of(path))


def check_groups(
    root: Path, wanted: Sequence[str], user: User, may_use: Callable[[Path], bool] | None = None
) -> Finding:
    """Check that `user`, and the service's user where it exists, are in the `wanted` groups.

    A user needs no group for devices that `may_use` reports as accessible without it.
    """
    groups = {name: (gid, members) for name, gid, members in _groups(root)}
    existing = [name for name in wanted if name in groups]
    if _has_user(root, SERVICE_USER):
        absent = [name for name in existing if SERVICE_USER not in groups[name][1]]
        if absent:
            return failed("groups", _not_in(SERVICE_USER, absent), "service-groups")
    absent = [
        name
        for name in existing
        if groups[name][0] not in user.gids and not _are_open(root, name, may_use or _may_use)
    ]
    if absent and user.uid != 0 and user.name != SERVICE_USER:
        return failed("groups", _not_in(user.name, absent), "groups")
    return passed("groups", ", ".join(existing) or "none is needed")


def _not_in(user: str, groups: Sequence[str]) -> str:
    return ", ".join(f"{user} is not in {name}" for name in groups)


def _are_open(root: Path, group: str, may_use: Callable[[Path], bool]) -> bool:
    """Whether the devices of a group exist and are accessible without it."""
    devices = list((root / "dev").glob(_DEVICES[group]))
    return bool(devices) and all(map(may_use, devices))


def _may_use(device: Path) -> bool:
    return os.access(device, os.R_OK | os.W_OK)


def _groups(root: Path) -> list[tuple[str, int, list[str]]]:
    # group(5): name:password:number:members
    fields = [line.split(":") for line in lines_of(root / "etc/group")]
    return [(f[0], int(f[2]), f[3].split(",")) for f in fields if len(f) == 4 and f[2].isdecimal()]


def _has_user(root: Path, user: str) -> bool:
    return any(line.startswith(f"{user}:") for line in lines_of(root / "etc/passwd"))


def check_gpio(
    root: Path,
    *,
    used: bool,
    simulated: str = "",
    may_use: Callable[[Path], bool] | None = None,
) -> Finding:
    """Check that the pins can be opened; `simulated` is the reason for simulated ones, if any.

    `may_use` returns whether this user may open a device.
    """
    if not used:
        return passed("gpio", "not used: leds.mode and button.mode are off")
    if simulated:
        return passed("gpio", f"simulated: {simulated}")
    chips = sorted((root / "dev").glob("gpiochip*"))
    if not chips:
        return failed("gpio", "there is no /dev/gpiochip*", "gpio")
    if closed := [chip.name for chip in chips if not (may_use or _may_use)(chip)]:
        return failed("gpio", f"no access to /dev/{', /dev/'.join(closed)}", "gpio")
    return passed("gpio", ", ".join(f"/dev/{chip.name}" for chip in chips))


def check_temperature(root: Path, hot_c: float) -> Finding:
    """Check the SoC's temperature."""
    celsius = temperature_c(root)
    if celsius is None:
        return passed("temperature", "this machine has no SoC sensor")
    if celsius >= hot_c:
        return warned("temperature", f"{celsius:.0f} C, over {hot_c:.0f}", "heat")
    return passed("temperature", f"{celsius:.0f} C")


def check_throttling(root: Path, run: Run) -> Finding:
    """Check whether the firmware throttles the board, or did since it was last asked."""
    bits = throttle(root)
    if bits is None:
        bits = parsed_throttle(run(("vcgencmd", "get_throttled")))
    if bits is None:
        return passed("throttling", "this machine does not report it")
    if Throttle.UNDER_VOLTAGE in bits:
        return failed("throttling", bits.words(), "power")
    if Throttle.UNDER_VOLTAGE_HAPPENED in bits:
        return warned("throttling", bits.words(), "power")
    return warned("throttling", bits.words(), "throttled") if bits else passed("throttling", "none")


def check_disk(free_bytes: int) -> Finding:
    """Check the free disk space."""
    free_mb = free_bytes // 1_000_000
    message = f"{free_mb / 1000:.1f} GB free" if free_mb >= 1000 else f"{free_mb} MB free"
    if free_mb < _TOO_LITTLE_MB:
        return failed("disk", message, "disk")
    return warned("disk", message, "disk") if free_mb < _LITTLE_MB else passed("disk", message)


def check_clock(root: Path, run: Run) -> Finding:
    """Check that a time server sets the clock; a Pi's own clock stops without power."""
    if is_clock_synchronised(root, run):
        return passed("clock", "synchronised")
    return warned("clock", "not synchronised with a time server", "clock")


def is_clock_synchronised(root: Path, run: Run) -> bool:
    """Whether a time server has set the clock."""
    # systemd-timesyncd's own marker; timedatectl also reports chrony and ntpd.
    return (root / "run/systemd/timesync/synchronized").exists() or _is_synchronised(run)


def is_clock_confirmed(root: Path, run: Run, wall_s: float) -> bool:
    """Whether the kernel takes its clock for synchronised, or a hardware clock shows this time.

    systemd-timesyncd's marker does not count here: it stays when a person sets the clock.
    """
    try:
        hardware_s = float((root / "sys/class/rtc/rtc0/since_epoch").read_text())
    except (OSError, ValueError):
        hardware_s = -math.inf
    return abs(hardware_s - wall_s) < _SAME_TIME_S or _is_synchronised(run)


def _is_synchronised(run: Run) -> bool:
    answer = run(("timedatectl", "show", "--property=NTPSynchronized", "--value"))
    return answer.strip() == "yes"


def check_access(web: WebConfig) -> Finding:
    """Check which machines can see the page, and whether it asks for the access code."""
    if is_loopback(web.host):
        return passed("access", f"the page is served to this machine only ({web.host})")
    if web.auth == "none":
        return warned("access", f"every machine that reaches {web.host} can see the page", "access")
    return passed("access", "the page asks for the access code")
