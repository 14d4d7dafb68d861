"""The board's temperature and throttling, as the kernel and the firmware report them.

Files are read below `root`, so that a test can provide its own /sys and /dev.
"""

from __future__ import annotations

from enum import IntFlag
from pathlib import Path

from edge.files import matching
from edge.system.mailbox import throttled_bits

ROOT = Path("/")

_THERMAL_ZONES = "sys/class/thermal/thermal_zone*"
_SOC_ZONE = ("cpu", "soc")  # a Pi's is "cpu-thermal"; a PC's zones have a fan and other names
_MAILBOX = Path("dev/vcio")
# Hexadecimal without 0x. It is deprecated: kernels log a warning, and the newest lack it.
_GET_THROTTLED = "sys/devices/platform/soc*/*firmware/get_throttled"


class Throttle(IntFlag):
    """The bits of get_throttled: the causes that throttle the board now, and those that did.

    https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
    """

    UNDER_VOLTAGE = 1 << 0
    FREQUENCY_CAPPED = 1 << 1
    THROTTLED = 1 << 2
    SOFT_TEMPERATURE_LIMIT = 1 << 3
    UNDER_VOLTAGE_HAPPENED = 1 << 16
    CAPPING_HAPPENED = 1 << 17
    THROTTLING_HAPPENED = 1 << 18
    SOFT_TEMPERATURE_LIMIT_HAPPENED = 1 << 19

    @property
    def now(self) -> Throttle:
        """Only the bits of the present moment."""
        return self & Throttle(0xF)

    def words(self) -> str:
        """Return the bits as text: "under voltage, throttled"."""
        names = (str(flag.name) for flag in self)
        return ", ".join(name.lower().replace("_", " ") for name in names)


def temperature_c(root: Path = ROOT) -> float | None:
    """Return the SoC's temperature in degrees Celsius, None where there is no such sensor."""
    for zone in sorted(matching(root, _THERMAL_ZONES)):
        if _text(zone / "type").startswith(_SOC_ZONE):
            return _number(_text(zone / "temp"), 10, 1000)
    return None


def throttle(root: Path = ROOT) -> Throttle | None:
    """Return the firmware's bits, None without such a firmware."""
    asked = throttled_bits(root / _MAILBOX)
    if asked is not None:
        return Throttle(asked)
    for path in matching(root, _GET_THROTTLED):
        bits = _number(_text(path), 16)
        return None if bits is None else Throttle(int(bits))
    return None


def parsed_throttle(vcgencmd: str) -> Throttle | None:
    """Return the bits in vcgencmd's output "throttled=0x50005"."""
    bits = _number(vcgencmd.strip().removeprefix("throttled="), 16)
    return None if bits is None else Throttle(int(bits))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _number(text: str, base: int, divisor: int = 1) -> float | None:
    try:
        return int(text, base) / divisor
    except ValueError:
        return None
