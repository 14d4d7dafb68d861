"""The journeys by name: on which machine, and in which steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import board
from camera_journey import CAMERA_STEPS, usb_port
from gpio_journey import GPIO_STEPS
from odd_journey import ODD_STEPS
from pi import Pi
from power_journey import POWER_STEPS
from unit_journey import UNIT_STEPS
from upgrade_journey import UPGRADE_STEPS

Step = Callable[[Pi], list[str] | None]


@dataclass(frozen=True, kw_only=True)
class Journey:
    """What a device lives through."""

    about: str
    steps: tuple[Step, ...]
    arch: str = "amd64"
    is_installed: bool = True
    options: Callable[[Path], Sequence[str]] = lambda folder: ()


JOURNEYS = {
    "camera": Journey(about="a webcam at a USB port", steps=CAMERA_STEPS, options=usb_port),
    "unit": Journey(about="watchdog, limits, journal, permissions", steps=UNIT_STEPS),
    "power": Journey(about="power cuts at random moments", steps=POWER_STEPS),
    "upgrade": Journey(about="upgrade, rollback and power cuts meanwhile", steps=UPGRADE_STEPS),
    "odd": Journey(
        about="without network, time, room on the disk, writing, an own name", steps=ODD_STEPS
    ),
    "gpio": Journey(
        about="LEDs at a GPIO chip, on arm64",
        steps=GPIO_STEPS,
        arch="arm64",
        is_installed=False,
        options=board.qemu_options,
    ),
}
